"""The embedded cluster's own environment: what another installation left does not reach it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sparklimits.machine.environment import FOREIGN, configuration, private, set_aside, with_added
from sparklimits.spark import guard


def test_only_the_variables_of_the_list_reach_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FOREIGN:
        monkeypatch.setenv(name, "foreign")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("LC_ALL", "POSIX")
    monkeypatch.setenv("SPARKLIMITS_SCALE", "0.5")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with private({"SPARK_HOME": "ours", "SPARK_CONF_DIR": "ours"}):
        inside = dict(os.environ)
    assert {inside[name] for name in FOREIGN if name in inside} == {"ours"}
    assert "http_proxy" not in inside
    assert inside["LC_ALL"] == "C.UTF-8"
    assert inside["SPARKLIMITS_SCALE"] == "0.5"
    assert inside["OMP_NUM_THREADS"] == "1"
    assert inside["PATH"] == os.environ["PATH"]


def test_afterwards_all_is_as_before_but_for_what_would_mislead_pyspark_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HADOOP_CONF_DIR", "/etc/hadoop")
    before = dict(os.environ)
    for name in (
        "SPARK_REMOTE",
        "SPARK_CONNECT_MODE_ENABLED",
        "SPARK_API_MODE",
        "PYSPARK_GATEWAY_PORT",
        "MASTER",
    ):
        monkeypatch.setenv(name, "sc://localhost:15002")
    with pytest.raises(ZeroDivisionError), private({"SPARK_HOME": "ours"}):
        _ = 1 / 0
    assert dict(os.environ) == before


def test_spark_connect_is_set_aside_on_somebody_elses_cluster_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HADOOP_CONF_DIR", "/etc/hadoop")
    before = dict(os.environ)
    for name in ("SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED", "SPARK_API_MODE"):
        monkeypatch.setenv(name, "connect")
    with with_added({"SPARK_HOME": "ours"}):
        assert dict(os.environ) == before | {"SPARK_HOME": "ours"}
    assert dict(os.environ) == before


def test_a_pyspark_on_the_python_path_does_not_reach_the_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spark" / "python" / "pyspark").mkdir(parents=True)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'spark' / 'python'}:{tmp_path / 'mine'}")
    with private({}):
        assert os.environ["PYTHONPATH"] == str(tmp_path / "mine")


def test_the_configuration_holds_the_logs_settings_and_nothing_else(tmp_path: Path) -> None:
    assert [path.name for path in configuration(tmp_path).iterdir()] == ["log4j2.properties"]


def test_the_settings_of_somebody_elses_cluster_are_kept_and_the_pages_key_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "wanted", lambda: True)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "spark-defaults.conf").write_text("spark.kubernetes.container.image mine:1")
    for _ in range(2):  # a session after another one finds what the first one found
        guard.write(configuration(tmp_path, str(theirs)))
        lines = (tmp_path / "conf" / "spark-defaults.conf").read_text().splitlines()
        assert lines[0] == "spark.kubernetes.container.image mine:1"
        assert [line.split()[0] for line in lines].count("spark.ui.filters") == 1
    assert (theirs / "spark-defaults.conf").read_text() == "spark.kubernetes.container.image mine:1"
    # The embedded cluster gets nothing of it.
    guard.write(configuration(tmp_path))
    assert "kubernetes" not in (tmp_path / "conf" / "spark-defaults.conf").read_text()


def test_what_is_set_aside_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in set_aside():
        monkeypatch.delenv(name)
    assert set_aside() == {}
    monkeypatch.setenv("JDK_JAVA_OPTIONS", "-Xmx64m")
    for name in ("SPARK_LOCAL_HOSTNAME", "SPARK_WORKER_DIR", "HADOOP_HOME", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "foreign")
    monkeypatch.setenv("SPARKLIMITS_SCALE", "0.5")
    assert set_aside() == {
        "JDK_JAVA_OPTIONS": "options for every Java, another heap for instance",
        "SPARK_LOCAL_HOSTNAME": "a setting of another Spark",
        "SPARK_WORKER_DIR": "a setting of another Spark",
        "HADOOP_HOME": "a setting of another Hadoop",
        "ALL_PROXY": "a proxy, which cannot reach this machine's own addresses",
        "https_proxy": "a proxy, which cannot reach this machine's own addresses",
    }
