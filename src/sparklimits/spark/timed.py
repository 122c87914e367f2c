"""The clock: the one place that takes the seconds which count for marks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from sparklimits.spark.counters import Counters

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Output = TypeVar("Output")


@dataclass(frozen=True)
class Timed(Generic[Output]):
    """What a piece of work gave, its wall-clock ``seconds``, and what Spark counted of it."""

    output: Output
    seconds: float
    counters: Counters


def clocked(work: Callable[[], Output]) -> tuple[Output, float]:
    """Calls the work: what it gives, and the wall-clock seconds until that was here."""
    began = time.perf_counter()
    output = work()
    return output, time.perf_counter() - began


def timed(spark: SparkSession, label: str, work: Callable[[], Output]) -> Timed[Output]:
    """Calls the work by the clock; Spark's counters are read when the clock has stopped.

    Raises:
        SparkLimitsError: what :func:`sparklimits.spark.page.collect` raises.
    """
    from sparklimits.spark import page  # the clock alone runs where there is no Spark

    with page.collect(spark, label) as counters:
        output, seconds = clocked(work)
    return Timed(output, seconds, counters)
