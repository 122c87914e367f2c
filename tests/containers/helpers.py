"""The cluster of containers, as tests use it: a course and a cluster of their own, and programs that run in it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sparklimits.containers import cluster, engine, errands
from tests.submissions import LAB, ROOT

PROGRAMS = ROOT / "tests" / "programs"
WORKERS = 4


def engine_answers() -> bool:
    """Whether there is an engine that this user may use."""
    try:
        return subprocess.run(["docker", "version"], capture_output=True, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def docker(*arguments: str) -> str:
    """What a command of docker prints; it must succeed."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout.strip()


def sparklimits(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command of the course, as a user runs it."""
    return subprocess.run(
        [sys.executable, "-m", "sparklimits", *arguments], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, **environment}, timeout=900,
    )  # fmt: skip


def cluster_up(*options: str) -> list[str]:
    """``sparklimits cluster up``, which must succeed; the words that it prints."""
    done = sparklimits("cluster", "up", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


#: For containers that live for minutes and are no measure of speed: without its second compiler, Java on half a core
#: is ready much sooner. The scale is that of a session which is given no other one.
SHORT_LIVED = {"JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1", "SPARKLIMITS_SCALE": "0.1"}


def make_short_lived(compose: Path) -> None:
    """Gives every service of this compose file variables for little data and one compiler."""
    settings = yaml.safe_load(compose.read_text())
    for service in settings["services"].values():
        service["environment"] = {**service["environment"], **SHORT_LIVED}
    compose.write_text(yaml.safe_dump(settings))


@contextlib.contextmanager
def course_of_its_own(folder: Path, short_lived: bool = False) -> Iterator[Path]:
    """A copy of the course for a cluster with a name of its own: a developer may have both.

    ``short_lived`` is for tests of anything but speed.
    """
    for name in ("course", "docker", "labs", "solutions", "src"):
        generated = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, folder / name, ignore=generated)
    for name in ("constraints.txt", "pyproject.toml", "nbgrader_config.py"):
        shutil.copy(ROOT / name, folder)
    if short_lived:
        make_short_lived(folder / "docker" / "compose.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARKLIMITS_HOME", str(folder))
        patch.setenv("COMPOSE_PROJECT_NAME", "sparklimits-test")
        yield folder


@contextlib.contextmanager
def running_cluster() -> Iterator[list[str]]:
    """The cluster as lab 2 wants it; the words that `cluster up` prints. Nothing of it is left afterwards.

    The ports that it would take first are not free.
    """
    sparklimits("cluster", "down")
    with socket.socket() as jupyter, socket.socket() as spark:
        for taken, port in ((jupyter, cluster.LAB_PORT), (spark, cluster.SPARK_PORT)):
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", port))
            taken.listen()
        words = cluster_up("--lab", "lab2_skew")
    yield words
    done = sparklimits("cluster", "down")
    assert done.returncode == 0, done.stderr
    for kind in (["ps", "--all"], ["network", "ls"], ["volume", "ls"]):
        left = docker(*kind, "--quiet", "--filter", f"label=com.docker.compose.project={engine.project()}")
        assert left == "", f"docker {kind} has something left"


class LabSession:
    """``tests/programs/lab_session.py`` in the lab's container."""

    def __init__(self, folder: str) -> None:
        (lab,) = engine.container_ids("lab")
        command = ["python", f"{folder}/lab_session.py", f"{folder}/reference.ipynb"]
        self._process = subprocess.Popen(
            ["docker", "exec", "--interactive", lab, *command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.backend = self.answer()

    def begin(self, job: str) -> None:
        """Asks for a job."""
        assert self._process.stdin is not None
        print(job, file=self._process.stdin, flush=True)

    def answer(self) -> Any:
        """Waits for the answer."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the session ended; its reason stands above"
        return json.loads(line)

    def ask(self, job: str) -> Any:
        """Asks for a job, and waits for the answer."""
        self.begin(job)
        return self.answer()

    def end(self) -> None:
        """Ends the session, so that its executors are free for another one."""
        self._process.communicate(timeout=120)


@contextlib.contextmanager
def lab_session() -> Iterator[LabSession]:
    """A session on the cluster, with an executor on each worker."""
    files = {
        "lab_session.py": PROGRAMS / "lab_session.py",
        "reference.ipynb": ROOT / "solutions" / LAB / f"{LAB}.ipynb",
    }
    with errands.handed_over(files) as folder:
        session = LabSession(folder)
        try:
            yield session
        finally:
            session.end()
