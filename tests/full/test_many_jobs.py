"""More work than Spark's page remembers by default is counted all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparklimits.spark.timed import timed

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_more_than_a_thousand_jobs_are_all_counted(spark: SparkSession) -> None:
    numbers = spark.sparkContext.parallelize([1], 1)._jrdd.rdd()
    counters = timed(spark, "many", lambda: [numbers.count() for _ in range(1_100)]).counters
    assert (counters.jobs, counters.forgotten, len(counters.tasks)) == (1_100, 0, 1_100)
