"""A process of the referee's without a sandbox: nothing of it is left, however the referee ends."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.submissions import ROOT

#: A referee that starts a process with two below it, holds it still if it is told so, and waits.
REFEREE = """
import sys, time
from pathlib import Path
import psutil
from sparklimits.grading.referee.launcher import plain
chain, held = sys.argv[1:]
one = plain([sys.executable, chain, "a", "0", "b", "0", "c", "0"], {}, Path.cwd())
while len(below := psutil.Process(one.pid).children(recursive=True)) < 2:
    time.sleep(0.01)
if held == "held":
    one.freeze()
print(one.pid, *(process.pid for process in below), flush=True)
sys.stdin.readline()
one.kill()
"""


def until(there: Callable[[], object]) -> None:
    ends = time.monotonic() + 20
    while not there():
        assert time.monotonic() < ends
        time.sleep(0.01)


@pytest.mark.parametrize("held", ["held", "running"])
@pytest.mark.parametrize("how", ["killed", "in order"])
def test_nothing_outlives_the_referee(how: str, held: str, tmp_path: Path) -> None:
    chain = str(ROOT / "tests" / "programs" / "tree.py")
    with subprocess.Popen(
        [sys.executable, "-c", REFEREE, chain, held],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as referee:
        assert referee.stdin is not None
        assert referee.stdout is not None
        arm = [int(one) for one in referee.stdout.readline().split()]
        assert len(arm) == 3
        assert all(map(psutil.pid_exists, arm))
        if how == "killed":
            referee.kill()
        else:
            referee.stdin.write(b"\n")
            referee.stdin.flush()
            assert referee.wait(20) == 0
    until(lambda: not any(map(psutil.pid_exists, arm)))
    until(lambda: not _watchdogs(arm[0]))


def _watchdogs(pid: int) -> list[psutil.Process]:
    found = []
    for one in psutil.process_iter(["cmdline"]):
        command = one.info["cmdline"] or ()
        if "sparklimits.grading.sandbox.watchdog" in command and str(pid) in command:
            found.append(one)
    return found
