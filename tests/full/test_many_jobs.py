"""More work than Spark's page remembers by default is counted all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparklimits.spark.timed import timed

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_fifteen_hundred_jobs_are_all_counted(spark: SparkSession) -> None:
    numbers = spark.sparkContext.parallelize([1], 1)._jrdd.rdd()
    counters = timed(spark, "many", lambda: [numbers.count() for _ in range(1500)]).counters
    assert (counters.jobs, counters.forgotten, len(counters.tasks)) == (1500, 0, 1500)
