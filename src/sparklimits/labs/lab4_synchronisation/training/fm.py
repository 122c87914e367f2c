"""A factorization machine for clicks (Rendle, "Factorization Machines", ICDM 2010), in NumPy and SciPy.

The model is one *table* of float32 with a row for each feature: its weight in column 0, its factors in the others.
The logit of a click is the sum of its features' weights, plus the inner products of the factors of every two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit

Table = NDArray[np.float32]


@dataclass(frozen=True)
class Batch:
    """Some clicks: ``ids`` (int32) and ``values`` (float32) of their features, each ``[clicks, width]``.

    ``labels`` are 0 or 1 (float32). ``rates`` (float32, one for each row of the table) say how far a step of
    training moves the row: less far for a feature that nearly every click has.

    ``load`` makes the machine that holds the clicks a slow one: it really computes every change so many times more
    than it must, as a machine does that has other work.
    """

    ids: NDArray[np.int32]
    values: NDArray[np.float32]
    labels: NDArray[np.float32]
    rates: NDArray[np.float32]
    load: int = 0

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, places: slice | NDArray[np.int64]) -> Batch:
        """The clicks at these places."""
        return replace(self, ids=self.ids[places], values=self.values[places], labels=self.labels[places])

    def piece(self, number: int, pieces: int) -> Batch:
        """A batch of these clicks: of so many equal pieces the one with this number; after the last comes the first."""
        size = len(self) // pieces
        start = number % pieces * size
        return self.part(slice(start, start + size))

    def touched(self) -> tuple[NDArray[np.int64], Batch]:
        """The rows of the table that these clicks need, each once, and the same clicks for a table of those rows."""
        rows, places = np.unique(self.ids, return_inverse=True)
        ids = places.reshape(self.ids.shape).astype(np.int32)
        return rows.astype(np.int64), replace(self, ids=ids, rates=self.rates[rows])

    def loss(self, table: Table) -> float:
        """The mean log loss of these clicks, in nats."""
        score, _ = _logits(table, *self._matrices())
        return float(np.mean(np.logaddexp(0, score, dtype=np.float64) - self.labels * score))

    def gradient(self, table: Table) -> Table:
        """The gradient of :meth:`loss`, of the table's shape; a row that no click touches is zero."""
        matrix, squared = self._matrices()
        score, sums = _logits(table, matrix, squared)
        error = (expit(score) - self.labels) / np.float32(len(self))
        found = np.empty_like(table)
        found[:, 0] = matrix.T @ error
        found[:, 1:] = matrix.T @ (error[:, None] * sums) - (squared.T @ error)[:, None] * table[:, 1:]
        return found

    def change(self, table: Table) -> Table:
        """What one step of gradient descent on these clicks adds to the table."""
        for _ in range(1 + self.load):
            gradient = self.gradient(table)
        return gradient * -self.rates[:, None]

    def _matrices(self) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
        """The clicks as a matrix with a column for each row of the table, and its squares."""
        clicks, width = self.ids.shape
        starts = np.arange(0, clicks * width + 1, width, dtype=np.int32)

        def matrix(values: NDArray[np.float32]) -> sparse.csr_matrix:
            return sparse.csr_matrix((values.ravel(), self.ids.ravel(), starts), (clicks, len(self.rates)))

        return matrix(self.values), matrix(self.values**2)


def _logits(
    table: Table, matrix: sparse.csr_matrix, squared: sparse.csr_matrix
) -> tuple[NDArray[np.float32], Table]:
    """The logits, and the sums of the factors (lemma 3.1: pairs in linear time)."""
    sums = matrix @ table[:, 1:]
    pairs = (sums**2 - squared @ table[:, 1:] ** 2).sum(axis=1) / 2
    return matrix @ table[:, 0] + pairs, sums


def new_table(rows: int, rank: int, seed: int, scale: float = 0.05) -> Table:
    """A table to start from: weights 0, factors normal with standard deviation ``scale``."""
    table = np.random.default_rng(seed).normal(0, scale, (rows, 1 + rank)).astype(np.float32)
    table[:, 0] = 0
    return table
