"""One run of a lab's functions: what it took, what Spark counted, and whether the results are right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from sparklimits.evidence import Counters
from sparklimits.labs.base import Quality


@dataclass(frozen=True)
class Run:
    """One run of all of a lab's functions: seconds and counters by function, the results, and their quality."""

    seconds: Mapping[str, float]
    counters: Mapping[str, Counters]
    results: Mapping[str, pd.DataFrame]
    quality: Quality
    untimed: frozenset[str] = frozenset()

    @property
    def total(self) -> float:
        """Seconds of all timed functions together."""
        return sum(seconds for name, seconds in self.seconds.items() if name not in self.untimed)

    @property
    def merged(self) -> Counters:
        """The counters of all functions together."""
        return Counters(
            jobs=sum(part.jobs for part in self.counters.values()),
            tasks=[task for part in self.counters.values() for task in part.tasks],
            other={name: count for part in self.counters.values() for name, count in part.other.items()},
        )
