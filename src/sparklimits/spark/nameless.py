"""Spark for a user whose number has no name: Java's way to ask for it is replaced, for this session alone.

Hadoop, which Spark stands on, asks Java who is there, and Java ends with an error where the system has no name for a
user's number: no variable and no setting prevents that. The small class that does not ask is compiled by Janino, which
Spark brings along for its own queries.
"""

from __future__ import annotations

import shutil
import subprocess
from importlib import resources
from pathlib import Path

from sparklimits.errors import MachineError
from sparklimits.machine import environment, messages, user

_CLASS = "com.sun.security.auth.module.UnixLoginModule"
_COMPILER = "org.codehaus.commons.compiler.samples.CompilerDemo"

#: Variables that name the user where the system does not.
VARIABLES = dict.fromkeys(("USER", "LOGNAME", "SPARK_USER", "HADOOP_USER_NAME"), user.NAME)


def options(java_home: Path, jars: Path, folder: Path) -> str:
    """Java's options for a driver and executors of such a user; what they name is made in this private folder.

    Raises:
        MachineError: this Java, or this Spark, cannot make it.
    """
    source, classes = folder / "UnixLoginModule.java", folder / "classes"
    classes.mkdir(parents=True, exist_ok=True)
    with resources.as_file(resources.files("sparklimits") / "resources" / source.name) as original:
        shutil.copy(original, source)
    path = ":".join(str(jar) for name in ("janino", "commons-compiler") for jar in jars.glob(f"{name}-*.jar"))
    done = subprocess.run(
        [str(java_home / "bin" / "java"), "-XX:-UsePerfData", "-cp", path, _COMPILER, "-d", str(classes), str(source)],
        capture_output=True, env=environment.of_java(),
    )  # fmt: skip
    if not (classes / f"{_CLASS.replace('.', '/')}.class").is_file():
        reason = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        raise MachineError(messages.tell("user_without_name", reason=reason[-1] if reason else "no class"))
    return f"--patch-module=jdk.security.auth={classes} -Duser.name={user.NAME} -Duser.home={folder}"
