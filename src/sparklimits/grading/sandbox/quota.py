"""How much of the disk a sandbox may fill: the kernel limits each file, and nothing limits their number.

To count what a folder holds takes long, and would disturb what is timed beside it. So the folder is only looked into
when the disk has lost more than its share since the sandbox began.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

#: Seconds between two looks at the disk, each a single call of the kernel's.
_LOOK = 0.5


class Quota:
    """Calls ``exceeded`` once when a folder holds more than it may, until it is told to stop.

    Args:
        folder: all that can be written inside.
        most_bytes: on the disk; never more than half of what is free at the start.
        most_files: files and folders; never more than half of what is free at the start, where that is limited.
        exceeded: is called in a thread of its own.
    """

    def __init__(
        self, folder: Path, most_bytes: int, most_files: int, exceeded: Callable[[], object]
    ) -> None:
        self._folder, self._exceeded = folder, exceeded
        self._free, self._left = _there_is(folder)
        self._bytes = min(most_bytes, self._free // 2)
        self._files = min(most_files, self._left // 2) if self._left else None
        self._over = threading.Event()
        threading.Thread(target=self._watch, daemon=True, name="quota of a sandbox").start()

    def stop(self) -> None:
        """Looks no more."""
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(_LOOK):
            if self._too_much():
                self._exceeded()
                return

    def _too_much(self) -> bool:
        try:
            free, left = _there_is(self._folder)
        except OSError:
            return False  # the folder is being removed
        if self._free - free > self._bytes and _held(self._folder) > self._bytes:
            return True
        return (
            self._files is not None and self._left - left > self._files and _count(self._folder) > self._files
        )


def _there_is(folder: Path) -> tuple[int, int]:
    """Bytes and files that its disk has room for; 0 files where the disk does not limit them."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize, disk.f_favail if disk.f_files else 0


# Not os.walk: folders can be nested deeper than Python follows, and than a path has room for.
def _held(folder: Path) -> int:
    told = subprocess.run(["du", "-skx", folder], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return int(told.stdout.split()[0]) * 1024 if told.stdout.split() else 0


def _count(folder: Path) -> int:
    told = subprocess.run(["find", folder, "-xdev"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return told.stdout.count(b"\n")
