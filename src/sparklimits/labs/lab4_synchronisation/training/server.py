"""A parameter server: the table, and who may go on. Threads of many workers call it at once; no network here."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sparklimits.labs.lab4_synchronisation.training.fm import Table

Rows = NDArray[np.int64]
#: A worker that was not heard of for so many seconds counts as dead, and nobody waits for it any longer.
LEASE = 3.0


@dataclass
class _Worker:
    """What the server knows of a worker: its pushes so far, when it last called, whether it waits in a call."""

    pushes: int = 0
    seen: float = field(default_factory=time.monotonic)
    waiting: bool = False
    left: bool = False

    @property
    def alive(self) -> bool:
        return not self.left and (self.waiting or time.monotonic() - self.seen < LEASE)


class Server:
    """Serves the rows of a table to ``workers`` workers, numbered from 0, and adds their changes to it.

    A worker that is more than ``bound`` pushes ahead of the slowest living one waits at its next pull: no change
    is computed from a table that lacks more than that (stale synchronous parallel; Ho et al., NIPS 2013). With a
    bound of nothing, nobody waits. A dead worker that is heard of again lives.

    ``bytes`` counts what went in and out, ``pushed`` what came in, ``waits`` the calls of :meth:`wait`, and ``held``
    the pulls that had to wait at the bound.
    """

    def __init__(self, table: Table, workers: int, bound: int | None) -> None:
        self.table, self.bound, self.done = table.copy(), bound, False
        self.bytes = self.pushed = self.waits = self.held = 0
        self._workers = [_Worker() for _ in range(workers)]
        self._changed = threading.Condition()

    def begin(self) -> None:
        """Counts the leases from now on."""
        with self._changed:
            for worker in self._workers:
                worker.seen = time.monotonic()

    @property
    def pushes(self) -> list[int]:
        """Pushes by worker."""
        return [worker.pushes for worker in self._workers]

    @property
    def left(self) -> bool:
        """Whether all workers have said goodbye."""
        return all(worker.left for worker in self._workers)

    def pull(self, worker: int, rows: Rows | None = None) -> Table:
        """The rows' values now, or the whole table."""
        with self._changed:
            self.held += self._until_near(worker, self.bound)
            values = self.table.copy() if rows is None else self.table[rows]
            self.bytes += values.nbytes + (0 if rows is None else rows.nbytes)
            return values

    def push(self, worker: int, change: Table, rows: Rows | None = None) -> None:
        """Adds a worker's change to the rows (each named once), or to the whole table.

        It is divided by the number of living workers: together they move the table as far as one does alone.
        """
        with self._changed:
            me = self._workers[worker]
            me.seen = time.monotonic()
            living = sum(one.alive for one in self._workers)
            self.table[slice(None) if rows is None else rows] += change / np.float32(living)
            came = change.nbytes + (0 if rows is None else rows.nbytes)
            self.bytes += came
            self.pushed += came
            me.pushes += 1
            self._changed.notify_all()

    def wait(self, worker: int) -> None:
        """Returns when every living worker has pushed as often as this one."""
        with self._changed:
            self.waits += 1
            self._until_near(worker, 0)

    def leave(self, worker: int) -> None:
        """Nobody waits for this worker any longer."""
        with self._changed:
            self._workers[worker].left = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Lets all waiting workers go on; the flag ``done`` tells them to end."""
        with self._changed:
            self.done = True
            self._changed.notify_all()

    def snapshot(self, pushes: int = 0, patience: float = 0.0) -> tuple[Table, int]:
        """A copy of the table, and the pushes of the worker that has pushed most.

        Waits until there were so many ``pushes`` of all together, until all workers have left, or for so many
        seconds.
        """
        with self._changed:
            self._changed.wait_for(lambda: sum(self.pushes) >= pushes or self.left, patience)
            return self.table.copy(), max(self.pushes)

    def until_left(self, patience: float) -> None:
        """Returns when all workers have said goodbye, or after so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self.left, patience)

    def _until_near(self, number: int, bound: int | None) -> bool:
        """In a worker's call: returns when it is no further ahead of any living worker, or the training is over.

        True when it had to wait for that.
        """
        me = self._workers[number]
        me.seen, me.waiting = time.monotonic(), True
        waited = False
        while bound is not None and not self.done and self._ahead(me) > bound:
            waited = True
            self._changed.wait(LEASE / 10)  # a lease can end without anybody telling
        me.seen, me.waiting = time.monotonic(), False
        return waited

    def _ahead(self, me: _Worker) -> int:
        return me.pushes - min(worker.pushes for worker in self._workers if worker.alive)
