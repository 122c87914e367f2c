"""A solution of lab 0 whose only timed function fails: the others are judged by what they count, within seconds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn


def fit_in_parallel(visits: Any) -> NoReturn:
    """Fails in a way that a test knows again."""
    raise RuntimeError("this visit is cancelled")


def ratio(baseline: Sequence[float], candidate: Sequence[float]) -> tuple[float, float, float]:
    """The median of the pairs' ratios, and the smallest and the largest."""
    ratios = [slow / fast for slow, fast in zip(baseline, candidate, strict=True)]
    return statistics.median(ratios), min(ratios), max(ratios)


def bottleneck(counters: Mapping[str, float]) -> str:
    """Always the same answer."""
    return "none"
