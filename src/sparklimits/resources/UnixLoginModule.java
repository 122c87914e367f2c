package com.sun.security.auth.module;

import java.util.Map;
import javax.security.auth.Subject;
import javax.security.auth.callback.CallbackHandler;
import javax.security.auth.spi.LoginModule;

/**
 * Stands in Java's own place where a user's number has no name on this machine: Java's ends with an error there.
 * This one knows nothing, and Hadoop takes the name in HADOOP_USER_NAME. Used for such users alone (spark/nameless.py).
 */
public class UnixLoginModule implements LoginModule {
    public void initialize(Subject subject, CallbackHandler handler, Map shared, Map options) {}

    public boolean login() {
        return true;
    }

    public boolean commit() {
        return true;
    }

    public boolean abort() {
        return true;
    }

    public boolean logout() {
        return true;
    }
}
