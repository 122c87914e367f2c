"""Faults that a class meets, made to happen: killed processes and full disks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparklimits.labs import find
from sparklimits.machine.paths import scratch
from sparklimits.measurement.experiment import Experiment
from tests.submissions import ROOT

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="finds processes in /proc: Linux only"
)

LAB = find("lab2_skew")


def _processes(word: str) -> list[int]:
    """The processes of this test's cluster whose command line holds the word."""
    home = str(scratch() / "home")
    commands: dict[int, str] = {}
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            commands[int(folder.name)] = (folder / "cmdline").read_text()
            parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue  # it ended meanwhile
    return [
        pid
        for pid, command in commands.items()
        if word in command and (home in command or home in commands.get(parents.get(pid, 0), ""))
    ]


def _kill_when_it_works(word: str, killed: list[int]) -> threading.Thread:
    def hunt() -> None:
        time.sleep(1.0)  # the job runs by then
        for _ in range(600):
            if victims := _processes(word):
                os.kill(victims[0], signal.SIGKILL)
                killed.append(victims[0])
                return
            time.sleep(0.1)

    thread = threading.Thread(target=hunt, daemon=True)
    thread.start()
    return thread


def test_a_run_survives_the_death_of_an_executor(spark) -> None:
    killed: list[int] = []
    hunter = _kill_when_it_works("CoarseGrainedExecutorBackend", killed)
    run = Experiment(LAB, spark, scale=0.7).run(LAB.naive)
    hunter.join()
    assert killed
    assert run.quality.ok, run.quality.broken


def test_a_run_survives_the_death_of_a_python_worker(spark) -> None:
    killed: list[int] = []

    def item_pairs(ratings):
        def same(batches):
            for batch in batches:
                time.sleep(0.3)
                yield batch

        return LAB.naive["item_pairs"](ratings.repartition(16).mapInPandas(same, ratings.schema))

    hunter = _kill_when_it_works("pyspark.daemon", killed)
    run = Experiment(LAB, spark, scale=0.2).run({"item_pairs": item_pairs})
    hunter.join()
    assert killed
    assert run.quality.ok, run.quality.broken


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB: less than a run of lab 2 shuffles."""
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", tmp_path], capture_output=True
    ).returncode:
        pytest.skip("this machine does not let a test mount a small disk")
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


def _run_there(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    program = ROOT / "tests" / "programs" / "run_on_any_disk.py"
    return subprocess.run(
        [sys.executable, str(program), "run", "lab2_skew"],
        env={**os.environ, "SPARKLIMITS_TMP": str(folder), "SPARKLIMITS_SCALE": "1", **settings},
        text=True, capture_output=True, timeout=400,
    )  # fmt: skip


def test_a_nearly_full_disk_is_named_before_anything_starts(small_disk: Path) -> None:
    done = _run_there(small_disk)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert f"The disk under {small_disk} has" in last
    assert "SPARKLIMITS_TMP" in last


def test_a_disk_that_fills_up_during_a_run_is_nobodys_fault(small_disk: Path) -> None:
    done = _run_there(small_disk, MIN_FREE_BYTES="0")
    assert done.returncode == 0, done.stderr
    assert "lab2_skew: inconclusive" in done.stdout
    assert "The disk is full" in done.stdout
    assert "SPARKLIMITS_TMP" in done.stdout
    assert "Traceback" not in done.stderr
