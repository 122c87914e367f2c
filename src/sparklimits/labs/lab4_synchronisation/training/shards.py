"""Training clicks cut into shards, one for each worker: NumPy files that a worker maps into its memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sparklimits.labs.lab4_synchronisation.training.fm import Batch

_ARRAYS = ("ids", "values", "labels", "rates")


@dataclass(frozen=True)
class Shard:
    """One worker's clicks, in so many ``pieces`` or batches; after the last batch comes the first again.

    ``number`` counts the shards from 0. ``load`` is that of each of its batches (:class:`Batch`).
    """

    folder: Path
    number: int
    pieces: int
    load: int = 0

    def batch(self, step: int) -> Batch:
        """The batch of this step, 0 … without end."""
        whole = Batch(*(np.load(self.folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS))
        return replace(whole.piece(step, self.pieces), load=self.load)

    def batches(self) -> Iterator[Batch]:
        """The batches of all steps, without end."""
        return map(self.batch, itertools.count())


def write(batches: Sequence[Batch], folder: Path) -> None:
    """Writes each batch as a shard: ``shard-0`` … under the new folder."""
    for number, batch in enumerate(batches):
        place = folder / f"shard-{number}"
        place.mkdir(parents=True)
        for name in _ARRAYS:
            np.save(place / f"{name}.npy", getattr(batch, name))
