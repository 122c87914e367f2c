"""The labs on a standalone cluster that the package did not start: one that suits them, and ones that do not."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pyspark
import pytest

from sparklimits.errors import MachineError
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs import find
from sparklimits.measurement.experiment import Experiment
from sparklimits.spark import executors, session
from tests.standalone import Standalone


def test_a_lab_runs_there_and_a_worker_may_come_later(standalone: Standalone) -> None:
    standalone.add_worker()
    lab = find("lab0_measuring")
    spark = session.get(lab.constraints)
    assert session.backend() == standalone.master
    assert executors.count(spark) == executors.slots(spark) == 1
    experiment = Experiment(lab, spark, scale=0.05)
    reference = load_functions(reference_path(lab), lab)
    assert experiment.run(reference).quality.ok
    standalone.add_worker()
    deadline = time.monotonic() + 60
    while executors.count(spark) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    run = experiment.run(reference)
    assert run.quality.ok
    assert len({task.executor for task in run.merged.tasks}) == 2


def test_workers_that_are_all_gone_end_the_job(
    standalone: Standalone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executors, "ALONE", 5.0)
    standalone.add_worker()
    spark = session.get()
    threading.Timer(3.0, standalone.kill_workers).start()
    began = time.monotonic()
    with pytest.raises(Exception, match=r"all workers of spark://.* are gone; start the cluster again"):
        spark.sparkContext.parallelize(range(4), 4).map(lambda _: time.sleep(5)).collect()
    assert time.monotonic() - began < 60


@pytest.mark.shows("no_executor")
def test_a_cluster_without_workers_is_named(standalone: Standalone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "FIRST", 3.0)
    with pytest.raises(MachineError, match="gave no executor in 3 s"):
        session.get()


@pytest.mark.shows("no_package_there")
def test_workers_without_the_package_are_named(
    standalone: Standalone, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    standalone.add_worker()
    # A Python that has Spark's packages and not this one: what it has is named on the path, no more.
    packages = Path(pyspark.__file__).parents[1]
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nPYTHONPATH="{packages}:$PYTHONPATH" exec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    monkeypatch.setenv("PYSPARK_PYTHON", str(bare))
    with pytest.raises(MachineError, match=r"have no sparklimits\. Install version"):
        session.get()


@pytest.mark.shows("other_version")
@pytest.mark.shows("folder_not_shared")
def test_another_version_and_a_folder_of_ones_own_are_named(
    standalone: Standalone, monkeypatch: pytest.MonkeyPatch
) -> None:
    standalone.add_worker()
    spark = session.get()
    monkeypatch.setattr(executors, "__version__", "9.0.0")
    with pytest.raises(MachineError, match=r"this process 9\.0\.0\. Install the same"):
        executors._ask(spark, standalone.master)
    monkeypatch.undo()
    monkeypatch.setattr(executors, "_machine", lambda path: (executors.__version__, False))
    with pytest.raises(MachineError, match="a folder that all machines share"):
        executors._ask(spark, standalone.master)
