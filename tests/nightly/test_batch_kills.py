"""Five hundred submissions in one batch that is killed again and again: the gradebook is that of an undisturbed one.

The grading processes only pretend (a real one takes minutes); journal, gradebook and Dask's cluster are the real ones.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbgrader.api import Gradebook

from tests.submissions import LAB, ROOT, released

STUDENTS, KILLS = 500, 10
PROGRAMS = ROOT / "tests" / "programs"


class Course:
    """A folder of an instructor with the submissions of a class, and a batch over them."""

    def __init__(self, folder: Path, scheduler: str = "") -> None:
        self.folder = folder
        self._command = [sys.executable, str(PROGRAMS / "fake_batch.py"), "submitted", "out.json"]
        self._command += [scheduler] if scheduler else []
        self._environment = surroundings(folder)
        (folder / "calls").touch()
        shutil.copy(ROOT / "nbgrader_config.py", folder)
        for part in ("solutions", "labs"):
            shutil.copytree(ROOT / part / LAB, folder / part / LAB)
        notebook = released()
        notebook.cells = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
        for number in range(STUDENTS):
            notebook.metadata.does = [{"score": number % 9, "sleep": 0.5}]
            place = folder / "submitted" / f"student{number:03}" / LAB / f"{LAB}.ipynb"
            place.parent.mkdir(parents=True)
            nbformat.write(notebook, place)

    def start(self) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                self._command, cwd=self.folder, env=self._environment, stdout=log, stderr=log
            )

    def finish(self) -> None:
        for _ in range(
            KILLS + 2
        ):  # a batch that lost its scheduler ends with a sentence, and is started again
            if not self.start().wait(3600):
                return
        raise AssertionError((self.folder / "log").read_text()[-2000:])

    @property
    def calls(self) -> int:
        return len((self.folder / "calls").read_text().splitlines())

    def found(self) -> tuple[Any, dict[str, dict[str, float]]]:
        """The table, and every grade that the gradebook has."""
        with Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}") as book:
            grades = {
                one.student.id: {grade.name: grade.auto_score for grade in one.notebooks[0].grades}
                for one in book.assignment_submissions(LAB)
            }
        return json.loads((self.folder / "out.json").read_text()), grades


def surroundings(folder: Path) -> dict[str, str]:
    return os.environ | {
        "SPARKLIMITS_HOME": str(folder),
        "SPARKLIMITS_CALLS": str(folder / "calls"),
        "FAKE_GRADER": str(PROGRAMS / "fake_grader.py"),
        "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s",
    }


class Cluster:
    """A Dask scheduler and two workers, each a program of its own, as the handbook starts them."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._environment = folder, surroundings(folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        self.scheduler = self._scheduler()
        self.workers = [self._worker() for _ in range(2)]

    def _dask(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self._folder / "dask.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments],
                cwd=self._folder, env=self._environment, stdout=log, stderr=log,
            )  # fmt: skip

    def _scheduler(self) -> subprocess.Popen[bytes]:
        return self._dask(
            "scheduler", "--no-dashboard", "--host", "127.0.0.1", "--port", self.address.rsplit(":", 1)[1]
        )

    def _worker(self) -> subprocess.Popen[bytes]:
        return self._dask(
            "worker",
            self.address,
            "--nthreads",
            "1",
            "--no-dashboard",
            "--preload",
            str(PROGRAMS / "fake_worker.py"),
        )

    def kill_worker(self, rng: random.Random) -> None:
        """A whole worker, its nanny included; another one comes in its place."""
        place = rng.randrange(2)
        with contextlib.suppress(psutil.NoSuchProcess):
            for one in psutil.Process(self.workers[place].pid).children(recursive=True):
                one.kill()
        self.workers[place].kill()
        self.workers[place].wait()
        self.workers[place] = self._worker()

    def kill_scheduler(self, rng: random.Random) -> None:
        """The scheduler; another one comes in its place, and the workers are started again, as a batch system does."""
        self.scheduler.kill()
        self.scheduler.wait()
        self.scheduler = self._scheduler()
        for _ in range(2):
            self.kill_worker(rng)

    def end(self) -> None:
        for one in (*self.workers, self.scheduler):
            with contextlib.suppress(psutil.NoSuchProcess):
                for below in psutil.Process(one.pid).children(recursive=True):
                    below.kill()
            one.kill()
            one.wait()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    course = Course(tmp_path_factory.mktemp("undisturbed"))
    course.finish()
    assert course.calls == STUDENTS
    return course.found()


@pytest.fixture
def clusters() -> Iterator[list[Cluster]]:
    started: list[Cluster] = []
    yield started
    for one in started:
        one.end()


def kept_killing(course: Course, kill: Callable[[subprocess.Popen[bytes]], None]) -> None:
    """Kills so often while the batch works, each time after more of it is done; then lets it end."""
    batch = course.start()
    for number in range(KILLS):
        wanted = (number + 1) * STUDENTS // (KILLS + 1)
        ends = time.monotonic() + 1800
        while course.calls < wanted:
            assert time.monotonic() < ends, (course.folder / "log").read_text()[-2000:]
            if batch.poll() is not None:
                batch = course.start()
            time.sleep(0.02)
        kill(batch)
    if batch.wait(3600):
        course.finish()


def test_the_client_is_killed_ten_times(tmp_path: Path, undisturbed: Any) -> None:
    course = Course(tmp_path)

    def kill(batch: subprocess.Popen[bytes]) -> None:
        batch.send_signal(signal.SIGKILL)
        batch.wait()

    kept_killing(course, kill)
    assert course.found() == undisturbed
    # What runs in the two slots is graded once more, and what ends while one result is being entered.
    assert course.calls <= STUDENTS + 10 * KILLS


@pytest.mark.parametrize(
    "victim", [Cluster.kill_worker, Cluster.kill_scheduler], ids=["a worker", "the scheduler"]
)
def test_a_part_of_the_cluster_is_killed_ten_times(
    victim: Callable[[Cluster, random.Random], None],
    tmp_path: Path,
    undisturbed: Any,
    clusters: list[Cluster],
) -> None:
    pytest.importorskip("distributed")
    clusters.append(cluster := Cluster(tmp_path))
    course, rng = Course(tmp_path, cluster.address), random.Random(1)
    kept_killing(course, lambda batch: victim(cluster, rng))
    assert course.found() == undisturbed
