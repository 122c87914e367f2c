"""A class on a Dask cluster: workers that die, a scheduler that is lost, workers that would not time fairly."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sparklimits.errors import MachineError
from sparklimits.grading.batch import command, tasks
from tests.submissions import ROOT
from tests.unit.test_batch import _runs, _until, calls, hand_in

distributed = pytest.importorskip("distributed")
PRELOAD = str(ROOT / "tests" / "programs" / "fake_worker.py")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Starts clusters whose workers grade with the fake process."""
    monkeypatch.setenv("SPARKLIMITS_CALLS", str(tmp_path / "calls"))
    (tmp_path / "calls").touch()
    monkeypatch.setattr(tasks, "conditions_of", lambda lab: "1.0")
    started = []

    def start(workers: int = 2, threads: int = 1) -> Any:
        one = distributed.LocalCluster(
            n_workers=workers, threads_per_worker=threads, dashboard_address=None, preload=[PRELOAD],
            local_directory=str(tmp_path),
        )  # fmt: skip
        started.append(one)
        return one

    yield start
    for one in started:
        one.close(timeout=10)


def test_a_worker_that_dies_loses_nothing(tmp_path: Path, cluster: Callable[..., Any]) -> None:
    where = cluster()
    students = [f"student{number}" for number in range(6)]
    for student in students:
        hand_in(tmp_path, student, {"score": 6.0, "sleep": 1.0})
    victims: list[int] = []

    def kill_one() -> None:
        _until(lambda: len(calls(tmp_path)) >= 2)
        victims.append(int(calls(tmp_path)[0].split()[1]))
        workers = [nanny.process.pid for nanny in where.workers.values()]
        parents = [pid for pid in workers if victims[0] in _below(pid)]
        os.kill(parents[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    code = command.grade(tmp_path / "submitted", tmp_path / "out.json", where.scheduler_address, 1)
    killer.join()
    found = json.loads((tmp_path / "out.json").read_text())
    assert code == 0
    assert [found[who]["lab2_skew"]["score"] for who in students] == [6.0] * 6
    assert len(calls(tmp_path)) == 6 + 1  # what the dead worker had is graded once more
    _until(lambda: not _runs(victims[0]))


def _below(pid: int) -> set[int]:
    import psutil

    return {one.pid for one in psutil.Process(pid).children(recursive=True)}


def test_a_lost_scheduler_ends_the_batch_with_a_sentence_and_its_marks(
    tmp_path: Path, cluster: Callable[..., Any]
) -> None:
    where = cluster(workers=1)
    hand_in(tmp_path, "anna", {"score": 6.0})
    hand_in(tmp_path, "ben", {"score": 6.0, "sleep": 60.0})

    def lose() -> None:
        _until(lambda: len(calls(tmp_path)) == 2)
        where.close(timeout=5)

    loser = threading.Thread(target=lose)
    loser.start()
    with _short_patience(), pytest.raises(MachineError, match="is gone"):
        command.grade(tmp_path / "submitted", tmp_path / "out.json", where.scheduler_address, 1)
    loser.join()
    found = json.loads((tmp_path / "out.json").read_text())
    assert (found["anna"]["lab2_skew"]["score"], found["ben"]["lab2_skew"]["verdict"]) == (6.0, "pending")


def _short_patience() -> Any:
    import dask

    return dask.config.set({"distributed.comm.timeouts.connect": "2s"})


def test_workers_of_two_threads_are_refused(tmp_path: Path, cluster: Callable[..., Any]) -> None:
    hand_in(tmp_path, "anna")
    with pytest.raises(MachineError, match="--nthreads 1"):
        command.grade(tmp_path / "submitted", None, cluster(workers=1, threads=2).scheduler_address, 1)


def test_no_scheduler_at_this_address(tmp_path: Path) -> None:
    hand_in(tmp_path, "anna")
    with _short_patience(), pytest.raises(MachineError, match="No Dask scheduler answers"):
        command.grade(tmp_path / "submitted", None, "tcp://127.0.0.1:9", 1)
