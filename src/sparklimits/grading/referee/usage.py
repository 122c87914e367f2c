"""What the kernel counted of an arm's processes. It is read from outside: no code inside can change it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Usage:
    """Processor seconds since the processes began.

    ``executors`` is what each of Spark's executors used, with its Python workers. ``driver`` is what the driver's
    Python used, with all that it started beside Spark. Spark's driver in Java is in neither.
    """

    driver: float
    executors: tuple[float, ...]

    def since(self, earlier: Usage) -> Usage:
        """What was used after an earlier reading."""
        pairs = zip(self.executors, earlier.executors, strict=True)
        return Usage(self.driver - earlier.driver, tuple(now - before for now, before in pairs))

    @property
    def cluster(self) -> float:
        """The seconds of all executors together."""
        return sum(self.executors)

    @property
    def ratio(self) -> float:
        """The busiest executor's seconds over an even share: 1 when all worked as long."""
        return len(self.executors) * max(self.executors) / max(1e-9, self.cluster)


class Watch:
    """Reads the usage of a tree of processes.

    It is made when the session of Spark has started and before any code of a student has run: the executors are those
    that are there now. What comes later, whatever it calls itself, is none.

    Args:
        top: the number of the process that was launched, with everything below it.
    """

    def __init__(self, top: int) -> None:
        self._top = top
        tree = _tree(top)
        self._java = {one for one, parent in tree.items() if _is_java(one) and not _is_java(parent)}
        self._executors = {one for one, parent in tree.items() if parent in self._java and _is_java(one)}

    @property
    def sees(self) -> bool:
        """Whether there were executors at first."""
        return bool(self._executors)

    def read(self) -> Usage | None:
        """The usage so far; None when Spark's processes are not those that were there at first."""
        tree = _tree(self._top)
        if not self._executors or not self._executors <= tree.keys():
            return None
        below = [{one for one in tree if top in _above(one, tree)} for top in sorted(self._executors)]
        own = set(tree).difference(self._java, *below)
        return Usage(_seconds(own), tuple(map(_seconds, below)))


def _tree(top: int) -> dict[int, int]:
    """The parent of each process from the top down."""
    found = {top: 0}
    with contextlib.suppress(psutil.NoSuchProcess):
        for one in psutil.Process(top).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if one.status() != psutil.STATUS_ZOMBIE:
                    found[one.pid] = one.ppid()
    return found


def _above(process: int, tree: dict[int, int]) -> set[int]:
    """The process, and all above it in the tree."""
    found = set()
    while process in tree:
        found.add(process)
        process = tree[process]
    return found


def _is_java(process: int) -> bool:
    try:
        return psutil.Process(process).name() == "java"
    except (psutil.Error, ValueError):
        return False


def _seconds(processes: Iterable[int]) -> float:
    """Processor seconds of these and of their children that have ended."""
    total = 0.0
    for one in processes:
        with contextlib.suppress(psutil.Error):
            times = psutil.Process(one).cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total
