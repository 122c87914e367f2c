"""Changes of which only the largest rows travel, with what was left out kept for later (*error feedback*).

Stich, Cordonnier and Jaggi, "Sparsified SGD with Memory", NeurIPS 2018; Lin and others, "Deep Gradient Compression",
ICLR 2018. Both choose single numbers. Here whole rows are chosen, as one index is then enough for nine numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from sparklimits.labs.lab4_synchronisation.training.fm import Batch, Table
from sparklimits.labs.lab4_synchronisation.training.rpc import Handle
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


def pushes_largest(keep: int, remember: bool = True) -> Callable[[Handle, Iterator[Batch]], None]:
    """A worker that pushes only so many rows of each change. It works in step, so that its results repeat."""

    def worker(server: Handle, batches: Iterator[Batch]) -> None:
        largest: Largest | None = None
        for batch in batches:
            rows, few = batch.touched()
            part = server.pull(rows)
            if largest is None:
                largest = Largest(keep, len(batch.rates), part.shape[1], remember)
            server.push(*largest.of(few.change(part), rows))
            server.wait()

    return worker
