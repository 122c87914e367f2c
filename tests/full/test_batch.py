"""A class in one batch: nbgrader's gradebook, and a Dask cluster whose workers die or would not do."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook

from sparklimits.errors import MachineError
from sparklimits.grading.batch import command, gradebook, machine, process, slots, tasks
from sparklimits.grading.batch.batch import Batch
from sparklimits.grading.batch.journal import Journal
from sparklimits.grading.batch.outcome import GRADED, Outcome
from sparklimits.grading.batch.process import Attempted
from tests.submissions import LAB, ROOT, released
from tests.unit.test_batch import _runs, _until, calls, hand_in

PROGRAMS = ROOT / "tests" / "programs"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Starts clusters whose workers grade with the fake process."""
    distributed = pytest.importorskip("distributed")
    monkeypatch.setenv("SPARKLIMITS_CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("FAKE_GRADER", str(PROGRAMS / "fake_grader.py"))  # Dask copies what it loads elsewhere
    (tmp_path / "calls").touch()
    monkeypatch.setattr(tasks, "conditions_of", lambda lab: "1.0")
    started = []

    def start(workers: int = 2, threads: int = 1, protocol: str = "tcp://") -> Any:
        one = distributed.LocalCluster(
            n_workers=workers, threads_per_worker=threads, dashboard_address=None, protocol=protocol,
            preload=[str(PROGRAMS / "fake_worker.py")],
            local_directory=str(tmp_path),
        )  # fmt: skip
        started.append(one)
        return one

    yield start
    for one in started:
        one.close(timeout=60)


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
    dask = pytest.importorskip("dask")
    return dask.config.set({"distributed.comm.timeouts.connect": "2s"})


def test_workers_of_two_threads_are_refused(tmp_path: Path, cluster: Callable[..., Any]) -> None:
    hand_in(tmp_path, "anna")
    with pytest.raises(MachineError, match="--nthreads 1"):
        command.grade(tmp_path / "submitted", None, cluster(workers=1, threads=2).scheduler_address, 1)


def test_a_scheduler_without_workers_is_a_sentence(
    tmp_path: Path, cluster: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "_FIRST_WORKER", 1)
    hand_in(tmp_path, "anna")
    with pytest.raises(MachineError, match=r"had no worker for 1 s\. Start one for each slot first"):
        command.grade(tmp_path / "submitted", None, cluster(workers=0).scheduler_address, 1)


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl to make a certificate with")
def test_with_certificates_a_cluster_grades_and_without_them_it_does_not_answer(
    tmp_path: Path, cluster: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings that the handbook names."""
    dask = pytest.importorskip("dask")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=course",
            "-keyout", "key.pem", "-out", "cert.pem",
        ],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    tls = "distributed.comm.tls"
    settings: dict[str, Any] = {"distributed.comm.require-encryption": True}
    settings[f"{tls}.ca-file"] = str(tmp_path / "cert.pem")
    for role in ("scheduler", "worker", "client"):
        settings |= {f"{tls}.{role}.{part}": str(tmp_path / f"{part}.pem") for part in ("cert", "key")}
    hand_in(tmp_path, "anna", {"score": 6.0})
    with dask.config.set(settings):
        where = cluster(workers=1, protocol="tls://")
        assert command.grade(tmp_path / "submitted", tmp_path / "out.json", where.scheduler_address, 1) == 0
    assert json.loads((tmp_path / "out.json").read_text())["anna"]["lab2_skew"]["score"] == 6.0
    assert where.scheduler_address.startswith("tls://")
    monkeypatch.setattr(slots, "_ANSWER", 1)
    with pytest.raises(MachineError, match="No Dask scheduler answers"):
        command.grade(tmp_path / "submitted", None, where.scheduler_address, 1)


def test_no_scheduler_at_this_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "_ANSWER", 1)
    hand_in(tmp_path, "anna")
    with pytest.raises(MachineError, match="No Dask scheduler answers"):
        command.grade(tmp_path / "submitted", None, "tcp://127.0.0.1:9", 1)


def test_marks_reach_the_gradebook_as_nbgrader_writes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a lab that nobody released from this folder; the better attempt; once each; after a kill in between too."""
    monkeypatch.setattr(process, "COMMAND", (sys.executable, str(PROGRAMS / "fake_grader.py")))
    monkeypatch.setattr(machine, "described", lambda: "a machine; sandbox: some")
    monkeypatch.setattr(tasks, "conditions_of", lambda lab: "1.0")
    monkeypatch.setenv("SPARKLIMITS_CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("SPARKLIMITS_HOME", str(tmp_path))
    (tmp_path / "calls").touch()
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    for folder in ("solutions", "labs"):
        shutil.copytree(ROOT / folder / LAB, tmp_path / folder / LAB)
    again = {"outcome": {"verdict": "inconclusive", "again": True}}
    for student, *does in (("anna", {"score": 7.0, **again}, {"score": 2.0}), ("ben", {"score": 3.0})):
        notebook = released()
        notebook.metadata.does = does
        nbformat.write(notebook, hand_in(tmp_path, student))
    before = (tmp_path / "labs" / LAB / f"{LAB}.ipynb").read_bytes()

    def grade() -> int:
        return command.grade(tmp_path / "submitted", None, None, 1)

    def scores() -> dict[str, float]:
        with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as book:
            return {one.student.id: one.score for one in book.assignment_submissions(LAB)}

    with monkeypatch.context() as killed:  # as if the batch had ended after each line of the journal
        killed.setattr(gradebook.Book, "take", lambda self, *_: "killed")
        assert grade() == 1
    assert grade() == 0
    assert scores() == {"anna": 7.0, "ben": 3.0}
    assert len(calls(tmp_path)) == 3
    assert (tmp_path / "labs" / LAB / f"{LAB}.ipynb").read_bytes() == before
    with Gradebook(
        f"sqlite:///{tmp_path / 'gradebook.db'}"
    ) as book:  # a mark given by hand stays, and is not undone
        notebook = book.find_submission_notebook(LAB, LAB, "ben")
        next(one for one in notebook.grades if one.name == "explain").manual_score = 3.0
        book.db.commit()
    assert grade() == 0
    assert scores()["ben"] == 6.0
    assert (tmp_path / "autograded" / "anna" / LAB / f"{LAB}.ipynb").is_file()
    (tmp_path / "gradebook.db").unlink()  # lost: what the journal calls entered is entered again
    assert grade() == 0
    assert scores() == {"anna": 7.0, "ben": 3.0}
    assert len(calls(tmp_path)) == 3
    said = gradebook.Book(tmp_path).take("anna", LAB, b"")
    assert said == "It is not in the gradebook: its graded notebook cannot be read (NotJSONError)"


class _AtOnce:
    """A slot whose grading takes no time."""

    count, machines = 1, ()

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor

    def submit(self, task: tasks.Task) -> Future[Attempted]:
        outcome = Outcome(GRADED, marks={"x": 1.0}, most={"x": 1.0}, seconds=1.0)
        return self._executor.submit(lambda: Attempted(outcome))


def test_the_cost_of_a_submission_does_not_grow_with_their_number(tmp_path: Path) -> None:
    def cost(count: int) -> float:
        all_ = [tasks.Task(f"s{number}", LAB, "", f"{number}", "1.0") for number in range(count)]
        with Journal(tmp_path / f"{count}.db") as journal, ThreadPoolExecutor(1) as executor:
            began = time.process_time()
            Batch(all_, journal, _AtOnce(executor), lambda task, one: None, lambda message: None).run()
            seconds = time.process_time() - began
            assert all(journal.attempts(one) for one in all_)
        return seconds / count

    assert cost(500) < 2 * cost(100)
