"""One run of a lab's functions: what it took, what Spark counted, and whether the results are right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from sparklimits.measurement.lab import Quality
from sparklimits.spark.counters import Counters, merged


@dataclass(frozen=True)
class Run:
    """One run of all of a lab's functions, each part by the function's name.

    ``results`` are the collected tables, with the notes of their exercise's drive in ``attrs``.
    """

    seconds: Mapping[str, float]
    counters: Mapping[str, Counters]
    results: Mapping[str, pd.DataFrame]
    checked: Mapping[str, Quality]
    untimed: frozenset[str] = frozenset()

    @property
    def total(self) -> float:
        """Seconds of all timed functions together."""
        return sum(seconds for name, seconds in self.seconds.items() if name not in self.untimed)

    @property
    def merged(self) -> Counters:
        """The counters of all functions together."""
        return merged(list(self.counters.values()))

    @property
    def quality(self) -> Quality:
        """The quality of all results together."""
        return Quality(
            {name: value for part in self.checked.values() for name, value in part.values.items()},
            tuple(reason for part in self.checked.values() for reason in part.broken),
        )
