"""The session: real executors, quiet, shareable, and nothing left afterwards."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from sparklimits.errors import MachineError
from sparklimits.labs import find
from sparklimits.machine.java import find_java
from sparklimits.machine.paths import programs
from sparklimits.spark import archive, master, session
from sparklimits.spark.constraints import Constraints
from tests.submissions import ROOT

PROGRAM = ROOT / "tests" / "programs" / "two_sessions.py"


def test_two_sessions_in_one_process_are_quiet_and_leave_nothing(tmp_path: Path) -> None:
    # The ports that Spark would take first are taken: thirty students share a server.
    with socket.socket() as taken, socket.socket() as also:
        for port, holder in ((4040, taken), (7077, also)):
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind(("127.0.0.1", port))
            holder.listen()
        environment = {**os.environ, "SPARKLIMITS_TMP": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, str(PROGRAM)],
            env=environment,
            cwd=tmp_path,
            text=True,
            capture_output=True,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith("folder ")
    assert done.stdout.count("\n") == 1
    assert list(tmp_path.iterdir()) == [], "the scratch folder goes away with its process"


@pytest.mark.parametrize(
    ("named", "says"),
    [
        pytest.param(
            "spark://127.0.0.1:1",
            "nothing answers at 127.0.0.1 port 1",
            marks=pytest.mark.shows("master_silent"),
        ),
        pytest.param("sparks://somewhere", "no Spark master", marks=pytest.mark.shows("master_unknown")),
        ("127.0.0.1:7077", "no Spark master"),
    ],
)
def test_a_wrong_master_is_named_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, named: str, says: str
) -> None:
    monkeypatch.setenv("SPARKLIMITS_MASTER", named)
    with pytest.raises(MachineError, match="SPARKLIMITS_MASTER") as error:
        master.address(Constraints())
    assert says in str(error.value)


def test_another_master_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        named = f"spark://127.0.0.1:{listening.getsockname()[1]}"
        monkeypatch.setenv("SPARKLIMITS_MASTER", named)
        assert master.address(Constraints()) == named


def test_pristine_restores_settings_and_drops_caches(spark) -> None:
    before = spark.conf.get("spark.sql.shuffle.partitions")
    with session.pristine(spark):
        spark.conf.set("spark.sql.shuffle.partitions", "3")
        spark.conf.set("spark.sql.autoBroadcastJoinThreshold", "-1")
        cached = spark.range(1000).cache()
        cached.count()
        spark.sparkContext.parallelize(range(10)).cache().count()
        assert len(spark.sparkContext._jsc.getPersistentRDDs()) == 2
    assert spark.conf.get("spark.sql.shuffle.partitions") == before
    assert spark.conf.get("spark.sql.autoBroadcastJoinThreshold") != "-1"
    assert len(spark.sparkContext._jsc.getPersistentRDDs()) == 0


def test_every_departure_from_a_default_has_its_reason() -> None:
    from sparklimits.labs import every

    for lab in every():
        assert lab.constraints.settings.keys() == lab.constraints.reasons.keys()
        assert all(reason.strip() for reason in lab.constraints.reasons.values())


def test_a_session_goes_on_when_only_settings_of_sql_differ(spark) -> None:
    other = session.get(find("lab6_capstone").constraints)
    assert other is spark
    assert spark.conf.get("spark.sql.shuffle.partitions") == "4"
    plain = session.get(Constraints())
    assert plain is spark
    assert spark.conf.get("spark.sql.shuffle.partitions") == "200"
    assert spark.conf.get("spark.sql.adaptive.coalescePartitions.enabled") == "true"
    assert session.get(find("lab2_skew").constraints) is spark
    assert spark.conf.get("spark.sql.shuffle.partitions") == "16"


@pytest.mark.skipif(
    not archive.fits(find_java(programs() / "java")),
    reason="no archive of Spark's classes in this environment",
)
def test_the_driver_and_the_executors_map_sparks_classes(spark) -> None:
    spark.range(1).count()  # the executors are there
    below = psutil.Process(spark.sparkContext._gateway.proc.pid)
    javas = [one for one in (below, *below.children(recursive=True)) if one.name() == "java"]
    assert len(javas) == 1 + find("lab2_skew").constraints.executors
    used = str(archive.place(find_java(programs() / "java")))
    for one in javas:
        assert used in {part.path for part in one.memory_maps()}
