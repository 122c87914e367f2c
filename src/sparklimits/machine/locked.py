"""Folders that belong to a process that lives: a lock in each is held as long, and the kernel lets go of it.

A process number would not do: on another host, or in a container, the same number is another process, or none.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import re
import tempfile
import time
from pathlib import Path
from typing import Any

from sparklimits.machine import places

_LOCK = "lock"
#: Days after which a folder of another machine goes that nobody has touched, and whose lock is free as seen from here.
_FOREIGN_DAYS = 2


def new(base: Path) -> Path:
    """A new folder under this one, with a lock in it that this process holds.

    Raises:
        OSError: it cannot be written.
    """
    handle, waiting = tempfile.mkstemp(prefix=".lock-", dir=base)
    # On a file system without locks nobody will take the folder for a dead one's.
    with contextlib.suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        os.write(handle, json.dumps({"machine": _this_machine()}).encode())
        folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=base))
        os.rename(waiting, folder / _LOCK)  # locked before it is there to be tried
    except OSError:
        os.unlink(waiting)
        raise
    return folder


def note(folder: Path, **facts: Any) -> None:
    """Adds facts to what the lock of a folder says of it."""
    text = json.dumps({**noted(folder), **facts})
    with contextlib.suppress(OSError):
        (folder / _LOCK).write_text(text, "utf-8")  # the same file: it stays locked


def noted(folder: Path) -> dict[str, Any]:
    """What the lock of a folder says of it: ``machine``, folders that are its own ``elsewhere``, and what was added."""
    try:
        found = json.loads((folder / _LOCK).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def is_mine(folder: Path) -> bool:
    """Whether this is such a folder, of this user: somebody who chose the place may have other things there."""
    return bool(re.fullmatch(r"[1-9][0-9]{0,9}-[a-z0-9_]{8}", folder.name)) and _owned(folder)


def is_held(folder: Path) -> bool:
    """Whether a process holds the lock. One that is not there yet, or cannot be asked, counts as held."""
    try:
        with (folder / _LOCK).open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def remove(folder: Path) -> None:
    """Removes a folder, and those that belong to it elsewhere."""
    for place in map(Path, noted(folder).get("elsewhere", ())):
        if place.name.startswith(places.PREFIX) and _owned(place):
            places.remove(place)
    places.remove(folder)


def remove_left(base: Path) -> None:
    """Removes the folders under this one whose process is dead."""
    for folder in base.iterdir():
        if is_mine(folder) and not is_held(folder) and (_is_from_here(folder) or _is_old(folder)):
            remove(folder)


def _is_from_here(folder: Path) -> bool:
    return noted(folder).get("machine") in (None, _this_machine())


def _is_old(folder: Path) -> bool:
    """Whether nobody has touched the folder for days: a lock on a shared disk may be one of its own machine only."""
    try:
        last = max(path.lstat().st_mtime for path in (folder, *folder.iterdir()))
    except OSError:
        return False
    return time.time() - last > _FOREIGN_DAYS * 86_400


def _this_machine() -> str:
    """One name for all that share this kernel, containers too."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return platform.node()


def _owned(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return found.st_uid == os.geteuid() and folder.is_dir() and not folder.is_symlink()
