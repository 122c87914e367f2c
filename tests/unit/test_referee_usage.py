"""Processor seconds as the kernel counts them, of processes that stand for a driver, its Java and its executors."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from sparklimits.grading.referee import usage
from sparklimits.grading.referee.usage import Usage, Watch
from tests.submissions import ROOT

CHAIN = (
    sys.executable,
    str(ROOT / "tests" / "programs" / "tree.py"),
    "driver",
    "0.2",
    "java",
    "0.1",
    "java",
    "0.4",
)


def until(there: Callable[[], object]) -> None:
    ends = time.monotonic() + 60
    while not there():
        assert time.monotonic() < ends
        time.sleep(0.01)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A driver; below it a "java", and below that one an "executor"."""
    monkeypatch.setattr(usage, "_is_java", lambda one: psutil.Process(one).cmdline()[2:3] == ["java"])
    with subprocess.Popen(CHAIN, stdin=subprocess.PIPE) as one:
        tree = psutil.Process(one.pid)
        until(lambda: len(tree.children(recursive=True)) == 2)
        yield one
        for below in tree.children(recursive=True):
            below.kill()
        one.kill()


def read(watch: Watch) -> Usage:
    found = watch.read()
    assert found is not None
    return found


def test_each_side_has_its_own_seconds(driver: subprocess.Popen[bytes]) -> None:
    watch = Watch(driver.pid)
    until(lambda: read(watch).cluster >= 0.3 and read(watch).driver >= 0.15)
    worked = read(watch)
    assert worked.driver < 0.4  # Java's are in neither
    later = read(watch).since(worked)
    assert (later.driver, later.cluster) == pytest.approx((0, 0), abs=0.15)


def test_what_the_driver_starts_later_is_its_own_whatever_it_is_called(
    driver: subprocess.Popen[bytes],
) -> None:
    watch = Watch(driver.pid)
    until(lambda: read(watch).cluster >= 0.3 and read(watch).driver >= 0.15)
    worked = read(watch)
    assert driver.stdin is not None
    driver.stdin.write(b"more\n")
    driver.stdin.flush()
    until(lambda: read(watch).since(worked).driver >= 0.2)
    assert read(watch).since(worked).cluster < 0.1


def test_without_the_executors_that_were_there_nothing_is_said(driver: subprocess.Popen[bytes]) -> None:
    watch = Watch(driver.pid)
    last = psutil.Process(driver.pid).children(recursive=True)[-1]
    last.kill()
    until(lambda: watch.read() is None)
    assert Watch(driver.pid).read() is None
