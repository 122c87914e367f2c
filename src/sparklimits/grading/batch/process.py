"""Starts the process that grades one submission, holds it to its time, and ends it with all below it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from sparklimits.grading.batch import start
from sparklimits.grading.batch.outcome import CRASHED, REFUSED, UNFIT, Outcome
from sparklimits.grading.batch.tasks import Task
from sparklimits.machine.paths import scratch

#: Seconds that grading one submission may take: several cells that each use up their own limit still fit.
LONGEST = 3 * 3600
#: The grading process, and the seconds for its end: its own grace, and five more.
COMMAND = (sys.executable, "-P", "-m", "sparklimits.grading.batch.start")
GRACE = start.GRACE + 5
#: Bytes of a graded notebook that are kept: outputs are cut when the notebook runs, so this is far above what comes.
_MOST = 200_000_000
_LOOK = 0.25


@dataclass(frozen=True)
class Attempted:
    """What a process left: its outcome, and the notebook with its outputs."""

    outcome: Outcome
    notebook: bytes = b""


def run(
    task: Task, cores: tuple[int, ...] = (), stopped: threading.Event | None = None, longest: float = LONGEST
) -> Attempted:
    """Grades a submission in a process of its own, on these cores (empty: on those that this process has).

    It never raises for what a submission does: that is an outcome.

    Args:
        stopped: ends the attempt early; it then counts as if the machine had failed.
        longest: seconds.
    """
    with tempfile.TemporaryDirectory(prefix="grade-", dir=scratch()) as name:
        folder = Path(name)
        began = time.monotonic()
        command = [*COMMAND, task.path, task.lab, task.content, task.conditions, name]
        command += ["--cores", ",".join(map(str, cores))] if cores else []
        with (folder / "log").open("wb") as log:
            # Its input is never written to: that it closes tells the process that this one has ended, however it did.
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            late = _wait(process, began + longest, stopped)
        finally:
            end(process)
        return _left(folder, process.returncode, late, stopped, time.monotonic() - began)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and all that it has started: in order if it can, by force else."""
    below = []
    with contextlib.suppress(psutil.NoSuchProcess):
        below = psutil.Process(process.pid).children(recursive=True)
    if process.stdin is not None:
        process.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    for one in below:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _wait(process: subprocess.Popen[bytes], until: float, stopped: threading.Event | None) -> bool:
    """Whether the process was still there when its time was over."""
    while process.poll() is None:
        if stopped is not None and stopped.is_set():
            return False
        if time.monotonic() > until:
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK)
    return False


def _left(folder: Path, code: int, late: bool, stopped: threading.Event | None, seconds: float) -> Attempted:
    answer, graded = folder / "outcome.json", folder / "graded.ipynb"
    with contextlib.suppress(OSError, ValueError):
        outcome = Outcome.from_text(answer.read_bytes())
        if graded.is_file() and (size := graded.stat().st_size) > _MOST:
            reason = f"The graded notebook has {size / 1e6:,.0f} MB; {_MOST / 1e6:.0f} are kept: a person must look."
            return Attempted(Outcome(REFUSED, [reason], seconds=seconds))
        return Attempted(outcome, graded.read_bytes() if graded.is_file() else b"")
    if stopped is not None and stopped.is_set():
        return Attempted(Outcome(UNFIT, ["The batch was stopped."], seconds=seconds))
    if late:
        reason = f"Grading it took longer than {seconds / 3600:.1f} hours and was ended: a person must look."
        return Attempted(Outcome(REFUSED, [reason], seconds=seconds))
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    lines = (folder / "log").read_text("utf-8", "replace").strip().splitlines()
    last = f" Its last words: {lines[-1][:300]}" if lines else ""
    return Attempted(
        Outcome(CRASHED, [f"The grading process ended without an outcome ({how}).{last}"], seconds=seconds)
    )
