"""What Spark is started with, whatever surrounds it: its settings, and its variables. No Spark is started here."""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyspark import SparkContext
from pyspark.sql import SparkSession

from sparklimits.errors import MachineError
from sparklimits.machine import paths
from sparklimits.machine.java import Java
from sparklimits.spark import interrupts, launch
from sparklimits.spark.constraints import Constraints

#: What others leave, in the ways that public reports tell of.
LEFT = {
    "http_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "socks5://127.0.0.1:9",
    "no_proxy": "*.example.org,10.0.0.0/8", "SPARK_REMOTE": "sc://localhost:15002", "SPARK_API_MODE": "connect",
    "SPARK_CONNECT_MODE_ENABLED": "1", "SPARK_CONF_DIR": "/opt/spark/conf", "SPARK_HOME": "/opt/spark",
    "SPARK_LOCAL_DIRS": "/nowhere", "SPARK_LOCAL_HOSTNAME": "unknown", "SPARK_WORKER_DIR": "/nowhere",
    "SPARK_WORKER_MEMORY": "1m", "SPARK_DRIVER_MEMORY": "1m", "SPARK_SUBMIT_OPTS": "-Xmx1m", "MASTER": "yarn",
    "SPARK_TESTING": "1", "SPARK_DIST_CLASSPATH": "/nowhere", "HADOOP_CONF_DIR": "/etc/hadoop",
    "HADOOP_HOME": "/nowhere", "HADOOP_CLASSPATH": "/nowhere", "YARN_CONF_DIR": "/etc/hadoop",
    "PYSPARK_SUBMIT_ARGS": "--master yarn pyspark-shell", "PYSPARK_PYTHON": "python2",
    "PYSPARK_DRIVER_PYTHON": "jupyter", "PYSPARK_DRIVER_PYTHON_OPTS": "notebook", "PYSPARK_GATEWAY_PORT": "9",
    "CLASSPATH": "/nowhere", "JDK_JAVA_OPTIONS": "-Xmx64m", "JAVA_TOOL_OPTIONS": "-Xmx64m",
    "_JAVA_OPTIONS": "-Xmx64m", "PYTHONSTARTUP": "/nowhere", "PYTHONOPTIMIZE": "2", "PYTHONWARNINGS": "error",
    "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "ascii", "LC_ALL": "POSIX", "LC_NUMERIC": "de_DE.UTF-8",
    "LANG": "tr_TR.UTF-8", "MPLBACKEND": "TkAgg", "TMPDIR": "/nowhere",
}  # fmt: skip


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """A start of Spark that ends where Java would be started: what it was asked for, and its variables there."""
    seen = SimpleNamespace(settings={}, variables={}, stopped=0)

    class Builder:
        def master(self, address: str) -> Builder:
            seen.settings["spark.master"] = address
            return self

        def appName(self, name: str) -> Builder:  # noqa: N802 - pyspark's name
            return self

        def config(self, key: str, value: str) -> Builder:
            seen.settings[key] = value
            return self

        def getOrCreate(self) -> None:  # noqa: N802
            seen.variables = dict(os.environ)
            raise RuntimeError("java.lang.OutOfMemoryException: no room for Java here.")

    for name in LEFT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("SPARKLIMITS_MASTER", raising=False)
    for name in ("scratch", "programs"):
        monkeypatch.setattr(launch, name, lambda: tmp_path)
        monkeypatch.setattr(paths, name, lambda: tmp_path)
    monkeypatch.setattr(launch.room, "require", lambda constraints: None)
    monkeypatch.setattr(launch, "find_java", lambda folder: Java(tmp_path / "java", 17, "PATH"))
    monkeypatch.setattr(interrupts, "install", lambda: None)
    monkeypatch.setattr(SparkSession, "builder", Builder())
    monkeypatch.setattr(SparkContext, "_active_spark_context", None)
    monkeypatch.setattr(SparkContext, "_gateway", None)
    return seen


def start() -> str:
    with pytest.raises(MachineError) as caught:
        launch.start(Constraints(), "test", beside=False)
    return str(caught.value)


def test_nothing_that_others_left_changes_how_spark_is_started(
    session: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    start()
    plain, variables = dict(session.settings), dict(session.variables)
    for name, value in LEFT.items():
        monkeypatch.setenv(name, value)
    start()
    assert session.settings == plain
    assert session.variables == variables


def test_the_settings_that_others_could_have_made_are_made(session: SimpleNamespace, tmp_path: Path) -> None:
    start()
    assert re.fullmatch(r"local-cluster\[2,1,\d+\]", session.settings["spark.master"])
    assert session.settings["spark.hadoop.fs.defaultFS"] == "file:///"
    assert session.settings["spark.local.dir"] == str(tmp_path / "local")
    # Native libraries are unpacked there, and go with the session; a page holds all jobs of a function.
    for side in ("driver", "executor"):
        assert f"-Djava.io.tmpdir={tmp_path / 'tmp'} " in session.settings[f"spark.{side}.extraJavaOptions"]
    assert int(session.settings["spark.ui.retainedJobs"]) >= 10_000
    assert session.settings["spark.ui.retainedStages"] == session.settings["spark.ui.retainedJobs"]
    assert session.variables["SPARK_LOCAL_IP"] == "127.0.0.1"
    assert session.variables["SPARK_CONF_DIR"] == str(tmp_path / "conf")
    assert session.variables["TMPDIR"] == str(tmp_path / "tmp")


def test_why_java_did_not_start_is_read_before_it_is_ended(session: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "driver.log").write_text("INFO begins\nError: Could not create the Java Virtual Machine.\n")
    told = start()
    assert "did not start on local-cluster[2,1,1024]: no room for Java here. Its log, " in told
    assert "says: Error: Could not create the Java Virtual Machine. `sparklimits doctor`" in told
    (kept,) = re.findall(r"Its log, (\S+),", told)
    assert "Java Virtual Machine" in Path(kept).read_text()
    Path(kept).unlink()


@pytest.mark.shows("session_of_others")
def test_a_session_that_a_startup_file_began_is_replaced_and_told(
    session: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped: list[bool] = []
    stranger = SimpleNamespace(master="local[2]", stop=lambda: stopped.append(True))
    monkeypatch.setattr(SparkContext, "_active_spark_context", stranger)
    start()
    assert stopped == [True]
    assert SparkContext._active_spark_context is None
    assert "There was a Spark session on local[2] already" in capsys.readouterr().out
    start()
    assert capsys.readouterr().out == ""
