"""What the kernel grants this process and its children: memory, cores, processes, disk.

A machine of 64 GB may grant a notebook 2 GB: a hub's spawner, a job of Slurm, a slice of systemd or a container puts it
into a control group, and each group above that one has limits too. The smallest of all holds.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import psutil

_ROOT = Path("/")
_MACHINE = "this machine"


@dataclass(frozen=True)
class Memory:
    """Bytes that this process and its children may use together (``granted``), and how many of them are ``free`` now.

    ``by`` says in a few words what sets the limit.
    """

    granted: int
    free: int
    by: str = _MACHINE


def memory(root: Path = _ROOT) -> Memory:
    """The memory that is granted, and what of it is free: what the kernel can take back from its caches counts as free.

    ``root`` is where ``/proc`` and ``/sys`` are.
    """
    machine = psutil.virtual_memory()
    granted, free, by = machine.total, machine.available, _MACHINE
    for folder in groups("memory", root):
        limit = min(
            (found for name in ("memory.max", "memory.high", "memory.limit_in_bytes")
             if (found := _number(folder / name)) is not None),
            default=None,
        )  # fmt: skip
        if limit is None or limit >= machine.total:  # the older kind has a huge number for no limit
            continue
        if limit < granted:
            granted, by = limit, f"the control group {folder}"
        used = _number(folder / "memory.current") or _number(folder / "memory.usage_in_bytes") or 0
        free = min(free, max(0, limit - used + _reclaimable(folder)))
    return Memory(granted, min(free, granted), by)


def cores(root: Path = _ROOT) -> float:
    """The cores that can be used at the same time: those that this process may run on, or its share of their time."""
    found = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    for folder in groups("cpu", root):
        quota = _number(folder / "cpu.max") or _number(folder / "cpu.cfs_quota_us")
        period = _number(folder / "cpu.max", 1) or _number(folder / "cpu.cfs_period_us")
        if quota and period and quota > 0:
            found = min(found, quota / period)
    return found


def processes(root: Path = _ROOT) -> int | None:
    """How many more processes and threads may be started; nothing where there is no limit. Java's threads count."""
    left = []
    for folder in groups("pids", root):
        limit = _number(folder / "pids.max")
        if limit is not None:
            left.append(limit - (_number(folder / "pids.current") or 0))
    mine = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    if mine != resource.RLIM_INFINITY and os.geteuid() != 0:
        left.append(mine - _threads_of(os.getuid()))
    return max(0, min(left)) if left else None


def address_space() -> int | None:
    """Bytes of addresses that a process may have (`ulimit -v`); nothing where there is no limit."""
    return _of_login(resource.RLIMIT_AS)


def open_files() -> int | None:
    """Files that a process may have open (`ulimit -n`); nothing where there is no limit."""
    return _of_login(resource.RLIMIT_NOFILE)


def file_size() -> int | None:
    """Bytes that a file may have (`ulimit -f`); nothing where there is no limit."""
    return _of_login(resource.RLIMIT_FSIZE)


def disk(folder: Path) -> int:
    """Bytes that this user may still write under a folder that need not be there yet.

    Raises:
        OSError: its disk does not answer.
    """
    folder = folder.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _of_login(kind: int) -> int | None:
    limit = resource.getrlimit(kind)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _threads_of(user: int) -> int:
    count = 0
    for process in psutil.process_iter(["uids", "num_threads"]):
        if process.info["uids"] and process.info["uids"].real == user:
            count += process.info["num_threads"] or 1
    return count


def _reclaimable(group: Path) -> int:
    """Bytes of a group that are copies of what is on a disk: the kernel drops them when memory is short."""
    try:
        text = (group / "memory.stat").read_text()
    except OSError:
        return 0
    found = {name: int(value) for name, value in re.findall(r"^(\w+) (\d+)$", text, re.MULTILINE)}
    # The older kind counts the groups below apart.
    prefix = "total_" if "total_inactive_file" in found else ""
    names = ("inactive_file", "active_file")
    return sum(found.get(prefix + name, 0) for name in names) + found.get("slab_reclaimable", 0)


def groups(controller: str, root: Path = _ROOT) -> Iterator[Path]:
    """The folders of the control groups that this process is in, of both kinds, from the innermost one up."""
    own = _own_groups(root)
    for kind, controllers, top, place in _mounts(root):
        newer = kind == "cgroup2"
        if not newer and controller not in controllers:
            continue
        name = "" if newer else controller
        if name not in own:
            continue
        mount = root / place.lstrip("/")
        try:
            below = PurePosixPath(own[name]).relative_to(top)
        except ValueError:
            # A container: what is mounted is its own group, whatever the path is called outside.
            below = PurePosixPath()
        folder = mount if ".." in below.parts else mount / below
        while folder != mount and not folder.is_dir():
            folder = folder.parent
        while True:
            yield folder
            if folder == mount:
                break
            folder = folder.parent


def _own_groups(root: Path) -> dict[str, str]:
    """The path of this process' group in each hierarchy, by controller; the newer kind has one for all, under ""."""
    found = {}
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        found.update(dict.fromkeys(controllers.split(","), path))
    return found


def _mounts(root: Path) -> Iterator[tuple[str, list[str], str, str]]:
    """Each hierarchy that is mounted: its kind, its controllers, which part of it, and where."""
    for line in _lines(root / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        kind, _, options = [*after.split(" ", 2), "", ""][:3]
        if kind in ("cgroup", "cgroup2"):
            top, place = (_plain(field) for field in before.split(" ")[3:5])
            yield kind, options.split(","), top, place


def _plain(field: str) -> str:
    """A path as it is: mountinfo writes a space as ``\\040``."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:  # no Linux, or a sandbox without /proc
        return []


def _number(file: Path, position: int = 0) -> int | None:
    """One of the numbers of a file; nothing where there is none: no such file, or the word ``max``."""
    try:
        return int(file.read_text().split()[position])
    except (OSError, ValueError, IndexError):
        return None
