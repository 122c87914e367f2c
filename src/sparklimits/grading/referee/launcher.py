"""Starts the process of an arm, and holds it still while the other one runs.

:func:`plain` has no walls: the process can do what this user can do. What is meant for other people's code is put in
its place by whoever grades.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from sparklimits.grading.sandbox import watchdog
from sparklimits.grading.sandbox.groups import Group


class Launched(Protocol):
    """A process that was started, with everything below it."""

    @property
    def pid(self) -> int:
        """The number of the process, on this side."""

    @property
    def source(self) -> int:
        """The descriptor that its words come from."""

    @property
    def out(self) -> int:
        """The descriptor that goes to it."""

    def freeze(self) -> None:
        """Stops it and everything below it."""

    def thaw(self) -> None:
        """Lets it go on."""

    def kill(self) -> int | None:
        """Ends it with everything below it; its exit code, negative for a signal, when it had ended by itself."""


#: Gets the command, the variables and the folder of a process.
Launch = Callable[[Sequence[str], Mapping[str, str], Path], Launched]


def plain(command: Sequence[str], variables: Mapping[str, str], folder: Path) -> Launched:
    """Starts the command as a child in a session of its own."""
    return _Child(command, variables, folder)


class _Child:
    def __init__(self, command: Sequence[str], variables: Mapping[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            command, cwd=folder, env=dict(variables), start_new_session=True, bufsize=0,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.pid = self._process.pid
        self._watchdog = watchdog.Watchdog(self.pid, Group({}))
        self.source, self.out = self._process.stdout.fileno(), self._process.stdin.fileno()

    def freeze(self) -> None:
        self._tell(signal.SIGSTOP)

    def thaw(self) -> None:
        self._tell(signal.SIGCONT)

    def kill(self) -> int | None:
        ended = self._process.poll()
        if (
            ended is None
        ):  # what ends in this moment by itself is given it: its exit code says more than our signal
            with contextlib.suppress(subprocess.TimeoutExpired):
                ended = self._process.wait(0.2)
        self._tell(signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._watchdog.dismiss()
        return ended

    def _tell(self, number: signal.Signals) -> None:
        """Sends a signal to all that runs in the session, and to what was started from there and left it."""
        for pid in watchdog.of_session(self.pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
