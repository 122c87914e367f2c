"""One sandbox: what it shows, what may be written, its limits; the command that runs in it, and its end."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from sparklimits.grading.sandbox import bubblewrap, groups, landlock, visible
from sparklimits.grading.sandbox.quota import Quota
from sparklimits.grading.sandbox.watchdog import Watchdog

BUBBLEWRAP, LANDLOCK = "bubblewrap", "Landlock"
#: Soft limits of each process inside: no memory dumps, and files of so many blocks. What is stricter already, stays.
_LIMITED = 'ulimit -c 0; ulimit -f "$1" 2>/dev/null; shift; exec "$@"'
_BLOCK = 512
#: Where no group limits all processes together: kilobytes of memory of each, and the processes of this user inside.
#: Not the addresses, of which Java reserves far more than it uses.
_LIMITED_MEMORY = 'ulimit -d "$1" 2>/dev/null; shift; exec "$@"'
_LIMITED_PROCESSES = 'ulimit -u "$1" 2>/dev/null || ulimit -p "$1"; shift; exec "$@"'
#: Seconds for what is inside to be ended by the program that holds it together.
_GRACE = 5
#: How often what goes on inside is looked for, until nothing does.
_LOOKS = 50


@dataclass(frozen=True)
class Limits:
    """What all processes of a sandbox may use together: bytes of memory, processes and threads, seconds, processors.

    ``disk`` is bytes in the folder, and ``files`` how many there may be; ``file_size`` is of each file. ``seconds`` is
    None where somebody else has an eye on the time; ``processors`` are numbers, empty for all. Memory is what is in
    use: Java reserves far more addresses than that.
    """

    memory: int = 6 * 10**9
    processes: int = 2_000
    disk: int = 8 * 10**9
    files: int = 200_000
    file_size: int = 4 * 10**9
    seconds: float | None = None
    processors: tuple[int, ...] = ()


@dataclass(frozen=True)
class Sandbox:
    """Where other people's code runs.

    ``folder`` is the one place that it can write, and where it starts; its path is the same inside. ``readable`` is
    shown read-only, beside the system, the interpreter and this package. ``hidden`` folders are empty, also where
    something above them is shown. ``environment`` is added to a short list of variables.
    """

    folder: Path
    readable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    tier: str = BUBBLEWRAP

    @property
    def home(self) -> Path:
        """The home inside."""
        return self.folder / ".home"

    @property
    def temporary(self) -> Path:
        """The folder for temporary files inside: on the disk, as ``/tmp`` is small and in memory."""
        return self.folder / ".tmp"

    def variables(self) -> dict[str, str]:
        """All the variables inside."""
        return visible.variables(self.home, self.temporary) | dict(self.environment)

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command with all of the isolation in it, to be started with the variables of :meth:`variables`.

        What a group limits (memory, processes, processors) is not in it: see :meth:`enclosed`.
        """
        for place in (self.home, self.temporary):
            place.mkdir(exist_ok=True)
        own = "/bin/sh", "-c", _LIMITED, "sh", str(self.limits.file_size // _BLOCK), *argv
        readable = [*visible.course(), *self.readable]
        if self.tier == LANDLOCK:
            shown = [
                inner for one in (*visible.system(), *readable) for inner in visible.around(one, self.hidden)
            ]
            return landlock.command(own, self.folder, shown)
        return bubblewrap.command(own, self.folder, visible.system(), readable, self.hidden, self.variables())

    def enclosed(self, argv: Sequence[str]) -> tuple[list[str], groups.Group]:
        """The command in a new control group, and this group: who starts the command ends the group."""
        limits = self.limits
        group = groups.make(limits.memory, limits.processes, limits.processors)
        if "memory" not in group.folders:
            argv = ["/bin/sh", "-c", _LIMITED_MEMORY, "sh", str(limits.memory // 1000), *argv]
        if "pids" not in group.folders:
            argv = ["/bin/sh", "-c", _LIMITED_PROCESSES, "sh", str(limits.processes), *argv]
        try:
            command = self.command(argv)
        except BaseException:
            group.end()
            raise
        if limits.processors and "cpuset" not in group.folders and (taskset := shutil.which("taskset")):
            command = [taskset, "-c", ",".join(map(str, limits.processors)), *command]
        return group.entering(command), group

    def quota(self, exceeded: Callable[[], object]) -> Quota:
        """Watches what is written from now on; the caller stops it."""
        return Quota(self.folder, self.limits.disk, self.limits.files, exceeded)

    @contextlib.contextmanager
    def popen(self, argv: Sequence[str], **pipes: Any) -> Iterator[Running]:
        """Runs a command inside; after the body, or the seconds of the limit, nothing of it is left.

        Nor is there after this process was killed, also when what is inside was held still.

        The kernel ends a sandbox with the *thread* that started it, so that thread must live as long.

        Args:
            argv: the program and its arguments.
            pipes: ``stdin``, ``stdout``, ``stderr`` and what else ``Popen`` knows of them. Without, they are closed.
        """
        command, group = self.enclosed(argv)
        quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        try:
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.variables(), start_new_session=True, **(quiet | pipes)
            )
        except BaseException:
            group.end()
            raise
        running, watchdog = Running(process, group), Watchdog(process.pid, group)
        quota = self.quota(running.end)
        clock = threading.Timer(self.limits.seconds, running.end) if self.limits.seconds else None
        if clock:
            clock.daemon = True
            clock.start()
        try:
            yield running
        finally:
            if clock:
                clock.cancel()
            quota.stop()
            running.end()
            watchdog.dismiss()


@dataclass(frozen=True)
class Running:
    """A command that runs in a sandbox."""

    process: subprocess.Popen[Any]
    group: groups.Group

    def freeze(self) -> None:
        """Stops everything inside: it uses no processor until :meth:`thaw`."""
        if not self.group.freeze(True):
            # A process that starts others while it is looked for may have started one after the look.
            for _ in range(_LOOKS):
                if not self._signal(signal.SIGSTOP):
                    break

    def thaw(self) -> None:
        """Lets everything inside go on."""
        if not self.group.freeze(False):
            self._signal(signal.SIGCONT)

    def end(self) -> None:
        """Kills everything inside. Harmless when called again."""
        if not self.group.folders and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()  # the program that holds the others together ends them
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_GRACE)
            self._signal(signal.SIGKILL)
        self.group.end()
        self.process.wait()

    def _signal(self, number: signal.Signals) -> int:
        """To the whole tree of processes, from the top; how many of them were not stopped before."""
        went_on = 0
        with contextlib.suppress(psutil.NoSuchProcess):
            top = psutil.Process(self.process.pid)
            for process in (top, *top.children(recursive=True)):
                with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
                    went_on += process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
                    os.kill(process.pid, number)
        return went_on
