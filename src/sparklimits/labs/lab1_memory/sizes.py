"""The naive training examples of lab 1 in executors and drivers of other sizes, each in a session of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from sparklimits.labs.lab1_memory import naive
from sparklimits.spark import isolated
from sparklimits.spark.constraints import Constraints

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def with_memory(ratings: DataFrame, sizes: Sequence[int]) -> dict[int, Mapping[str, float]]:
    """The counters of ``naive.training_examples`` in one executor of each size, in MB.

    Raises:
        SparkLimitsError: a job failed; the message is Spark's own.
    """
    job = partial(_examples, files=ratings.inputFiles())
    found: dict[int, Mapping[str, float]] = {}
    for size in sizes:
        constraints = Constraints(executors=1, memory_mb=size, driver_memory_mb=512)
        found[size] = isolated.run(job, constraints)[1].summary()
    return found


def collect_in_a_small_driver(rows: int) -> None:
    """Collects so many numbers in a session whose driver has 512 MB, and no limit for what is collected.

    Raises:
        SparkLimitsError: the driver could not hold them; the message is Spark's own.
    """
    constraints = Constraints(
        executors=1, driver_memory_mb=512, settings={"spark.driver.maxResultSize": "0"},
        reasons={"spark.driver.maxResultSize": "no limit, so that the driver's memory is the only one"},
    )  # fmt: skip
    isolated.run(partial(_collected, rows=rows), constraints)


def _collected(spark: SparkSession, rows: int) -> int:
    return len(spark.range(0, rows, 1, 8).collect())


def _examples(spark: SparkSession, files: Sequence[str]) -> int:
    return len(naive.digest(naive.training_examples(spark.read.parquet(*files))))
