"""Ends what a process has started, when that process was killed and cannot do it itself.

What is held still does not notice that nobody is there any more. Only SIGKILL reaches a stopped process, and not even
that one in a frozen control group of version 1. So a program beside them waits for the end of whoever holds them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from sparklimits.grading.sandbox.groups import Group


class Watchdog:
    """Watches over a process that leads a session of its own, everything below it, and its control group.

    Args:
        process: its number.
        group: its control group; empty where it has none.
    """

    def __init__(self, process: int, group: Group) -> None:
        folders = [f"{controller}={folder}" for controller, folder in group.folders.items()]
        # Its input is never written to before it is dismissed: that it closes says that this process has ended.
        self._program = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(process), *folders],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def dismiss(self) -> None:
        """Sends it away: there is nothing left to end."""
        with contextlib.suppress(OSError):
            self._program.communicate(b"\n")


def of_session(process: int) -> set[int]:
    """The numbers of all that runs in the session of a process, and of what was started below it and left that."""
    found = {one for one in psutil.pids() if _session(one) == process}
    with contextlib.suppress(psutil.NoSuchProcess):
        found |= {one.pid for one in psutil.Process(process).children(recursive=True)}
    return found


def _session(process: int) -> int:
    try:
        return os.getsid(process)
    except (ProcessLookupError, PermissionError):
        return 0


def main(arguments: list[str]) -> None:
    """The program: the number of the process, and ``CONTROLLER=FOLDER`` of its group."""
    if os.fork():
        return  # from here on it is below nobody: who kills all that is below a process leaves it alone
    if os.read(0, 1):
        return
    process, folders = int(arguments[0]), dict(one.split("=", 1) for one in arguments[1:])
    for one in of_session(process) | {process}:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(one, signal.SIGKILL)
    Group({controller: Path(folder) for controller, folder in folders.items()}).end()


if __name__ == "__main__":
    main(sys.argv[1:])
