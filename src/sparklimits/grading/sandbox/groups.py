"""Control groups of the kernel: limits for all processes of a sandbox together, a stop for them, and their end.

Both kinds are used: one group under each controller (version 1), or one for all (version 2, where it is delegated).
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from sparklimits.errors import MachineError
from sparklimits.machine import limits

_PREFIX = "sparklimits-"
#: Enters the groups whose files come first, "--" after them, then becomes the command. The shell is the same process as
#: the command: whatever that starts is in the groups from its first moment.
_ENTER = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift; exec "$@"'
#: Seconds that the kernel has to stop, or to end, every process of a group.
_PATIENCE = 20.0


@dataclass(frozen=True)
class Group:
    """A new group: its folder for each controller. Empty where this machine lets nobody make one."""

    folders: dict[str, Path]

    def entering(self, argv: list[str]) -> list[str]:
        """The command that enters the group first."""
        files = sorted({str(folder / "cgroup.procs") for folder in self.folders.values()})
        return ["/bin/sh", "-c", _ENTER, "sh", *files, "--", *argv] if files else argv

    def freeze(self, stopped: bool) -> bool:
        """Stops everything inside, or lets it go on; False where there is no such group.

        Raises:
            MachineError: the kernel did not do it in time.
        """
        folder = self.folders.get("freezer")
        if folder is None:
            return False
        if (folder / "cgroup.freeze").exists():
            (folder / "cgroup.freeze").write_text(str(int(stopped)))
            state, wanted = folder / "cgroup.events", f"frozen {int(stopped)}\n"
        else:
            state, wanted = folder / "freezer.state", "FROZEN\n" if stopped else "THAWED\n"
            state.write_text(wanted)
        deadline = time.monotonic() + _PATIENCE
        while wanted not in state.read_text():
            if time.monotonic() > deadline:
                what = "stop" if stopped else "wake"
                raise MachineError(f"The kernel did not {what} the processes of {folder} in {_PATIENCE:g} s.")
            time.sleep(0.002)
        return True

    def end(self) -> None:
        """Kills everything inside and removes the group."""
        deadline = time.monotonic() + _PATIENCE
        while (left := self.processes()) and time.monotonic() < deadline:
            for process in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            self.freeze(False)  # a stopped process dies when it goes on
            time.sleep(0.005)
        for folder in set(self.folders.values()):
            while folder.exists() and time.monotonic() < deadline:
                try:
                    folder.rmdir()
                except OSError:  # what was killed a moment ago is not gone yet
                    time.sleep(0.005)

    def processes(self) -> set[int]:
        """The numbers of the processes inside."""
        found: set[int] = set()
        for folder in set(self.folders.values()):
            with contextlib.suppress(OSError):
                found |= set(map(int, (folder / "cgroup.procs").read_text().split()))
        return found


def make(memory: int, processes: int, processors: tuple[int, ...] = ()) -> Group:
    """A new group with these limits, as far as this machine allows one.

    Args:
        memory: bytes.
        processes: processes and threads.
        processors: their numbers; empty: all.
    """
    name = f"{_PREFIX}{os.getpid()}-{os.urandom(4).hex()}"
    folders = {}
    for controller in ("memory", "pids", "freezer", *(["cpuset"] if processors else [])):
        for folder in _possible(controller, name):
            try:
                _limit(folder, controller, memory, processes, processors)
            except OSError:
                continue
            folders[controller] = folder
            break
    group = Group(folders)
    # Whether a process may be moved there depends on more than the rights of a file.
    if subprocess.run(group.entering(["/bin/true"]), stderr=subprocess.DEVNULL).returncode:
        group.end()
        return Group({})
    return group


def _possible(controller: str, name: str) -> Iterator[Path]:
    """New groups for a controller, below this process' own or one of those above it."""
    for parent in limits.groups(controller):
        _remove_left(parent)
        newer = parent / "cgroup.controllers"
        # Every group of version 2 can be stopped; its other controllers must be switched on for those below.
        if newer.is_file() and controller != "freezer" and not _switched_on(parent, controller):
            continue
        folder = parent / name
        try:
            folder.mkdir(exist_ok=True)
        except OSError:
            continue
        if os.access(folder / "cgroup.procs", os.W_OK):
            yield folder
        elif not any(folder.glob("*/")):
            with contextlib.suppress(OSError):
                folder.rmdir()


def _switched_on(parent: Path, controller: str) -> bool:
    try:
        if controller not in (parent / "cgroup.controllers").read_text().split():
            return False
        if controller not in (parent / "cgroup.subtree_control").read_text().split():
            (parent / "cgroup.subtree_control").write_text(f"+{controller}")
    except OSError:  # not ours, or it holds processes itself
        return False
    return True


def _limit(folder: Path, controller: str, memory: int, processes: int, processors: tuple[int, ...]) -> None:
    if controller == "memory":
        newer = (folder / "memory.max").exists()
        (folder / ("memory.max" if newer else "memory.limit_in_bytes")).write_text(str(memory))
        # Without these, what is over the limit goes to the disk, and everything on the machine waits for that.
        for name, most in (("memory.swap.max", 0), ("memory.memsw.limit_in_bytes", memory)):
            if (folder / name).exists():
                (folder / name).write_text(str(most))
    elif controller == "pids":
        (folder / "pids.max").write_text(str(processes))
    elif controller == "cpuset":
        if not (folder / "cgroup.controllers").exists():  # version 1 wants it before a process comes
            (folder / "cpuset.mems").write_text((folder.parent / "cpuset.mems").read_text())
        (folder / "cpuset.cpus").write_text(",".join(map(str, processors)))


def _remove_left(parent: Path) -> None:
    """Removes empty groups whose owner was killed."""
    with contextlib.suppress(OSError):
        for folder in parent.glob(f"{_PREFIX}*"):
            found = re.fullmatch(rf"{_PREFIX}(\d+)-[0-9a-f]+", folder.name)
            if found and not psutil.pid_exists(int(found[1])):
                with contextlib.suppress(OSError):
                    folder.rmdir()
