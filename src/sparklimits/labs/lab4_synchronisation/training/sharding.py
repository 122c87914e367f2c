"""Where each row of a table lies when several parameter servers share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sparklimits.labs.lab4_synchronisation.training.fm import Table
from sparklimits.labs.lab4_synchronisation.training.server import Rows

#: Knuth's multiplier: neighbours go to servers that have nothing to do with each other.
_SPREAD = np.uint64(2_654_435_761)


@dataclass(frozen=True)
class Sharding:
    """So many ``rows`` on so many ``servers``: a ``range`` of them on each, or spread by a ``hash`` of their number."""

    rows: int
    servers: int = 1
    by: Literal["range", "hash"] = "range"

    @cached_property
    def _owner(self) -> NDArray[np.int64]:
        numbers = np.arange(self.rows, dtype=np.uint64)
        if self.by == "range":
            return (numbers * np.uint64(self.servers) // np.uint64(self.rows)).astype(np.int64)
        # The upper bits are the mixed ones.
        return ((numbers * _SPREAD % np.uint64(2**32)) * np.uint64(self.servers) >> np.uint64(32)).astype(
            np.int64
        )

    @cached_property
    def _place(self) -> NDArray[np.int64]:
        place = np.empty(self.rows, np.int64)
        for server in range(self.servers):
            mine = self.of(server)
            place[mine] = np.arange(len(mine))
        return place

    def of(self, server: int) -> Rows:
        """The rows that a server holds, in its order."""
        return np.flatnonzero(self._owner == server)

    def parted(self, table: Table) -> list[Table]:
        """Each server's part of a whole table."""
        return [table] if self.servers == 1 else [table[self.of(server)] for server in range(self.servers)]

    def joined(self, parts: Sequence[Table]) -> Table:
        """The whole table of the servers' parts."""
        if self.servers == 1:
            return parts[0]
        table = np.empty((self.rows, parts[0].shape[1]), np.float32)
        for server, part in enumerate(parts):
            table[self.of(server)] = part
        return table

    def split(self, rows: Rows) -> list[tuple[NDArray[np.int64] | slice, Rows]]:
        """For each server, which of these ``rows`` it holds: their places in ``rows``, and their places there."""
        if self.servers == 1:
            return [(slice(None), rows)]
        owner, place = self._owner[rows], self._place[rows]
        return [(mine, place[mine]) for mine in (np.flatnonzero(owner == n) for n in range(self.servers))]
