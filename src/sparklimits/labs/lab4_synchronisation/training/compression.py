"""Changes of which only the largest rows travel, with what was left out kept for later (*error feedback*).

Stich, Cordonnier and Jaggi, "Sparsified SGD with Memory", NeurIPS 2018; Lin and others, "Deep Gradient Compression",
ICLR 2018. Both choose single numbers. Here whole rows are chosen, as one index is then enough for nine numbers.
"""

from __future__ import annotations

import numpy as np

from sparklimits.labs.lab4_synchronisation.training.fm import Table
from sparklimits.labs.lab4_synchronisation.training.rpc import Handle, Worker
from sparklimits.labs.lab4_synchronisation.training.server import Rows


class Largest:
    """Chooses the ``keep`` rows that would move furthest, of a table with so many rows and columns.

    With ``remember`` the changes of the others are added to later ones, until they are large enough to travel;
    without, they are lost.
    """

    def __init__(self, keep: int, rows: int, columns: int, remember: bool = True) -> None:
        self.keep, self.remember = keep, remember
        self.left: Table = np.zeros((rows, columns), np.float32)

    def of(self, change: Table, rows: Rows) -> tuple[Table, Rows]:
        """What travels of this change of these rows, each named once: the values, and the rows that they belong to."""
        self.left[rows] += change
        far = np.einsum("ij,ij->i", self.left, self.left)
        moved = int(np.count_nonzero(far))
        chosen = (
            np.sort(np.argpartition(far, -self.keep)[-self.keep :])
            if self.keep < moved
            else np.flatnonzero(far)
        )
        values = self.left[chosen]
        if self.remember:
            self.left[chosen] = 0
        else:
            self.left[:] = 0
        return values, chosen


class _Sparse:
    """A worker's end of the server, through which only the largest rows of a push go."""

    def __init__(self, server: Handle, keep: int, remember: bool) -> None:
        self.number = server.number
        self._server, self._keep, self._remember = server, keep, remember
        self._largest: Largest | None = None

    def pull(self, rows: Rows | None = None) -> Table:
        """See :meth:`Handle.pull`."""
        return self._server.pull(rows)

    def push(self, change: Table, rows: Rows | None = None) -> None:
        """Pushes the rows that would move furthest, and waits until everybody has pushed."""
        if self._largest is None:
            self._largest = Largest(self._keep, self._server.rows, change.shape[1], self._remember)
        named = np.arange(len(change)) if rows is None else rows
        self._server.push(*self._largest.of(change, named))
        self._server.wait()

    def wait(self) -> None:
        """Nothing: whoever has pushed has waited."""


def pushes_largest(work: Worker, keep: int, remember: bool = True) -> Worker:
    """The same worker, but that only so many rows of each push go to the server.

    It works in step with the others, so that its results repeat.
    """
    return lambda server, batches: work(_Sparse(server, keep, remember), batches)  # type: ignore[arg-type]
