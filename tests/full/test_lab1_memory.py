"""Lab 1's executors of several sizes, each in a session of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import functions as F

from sparklimits.datasets.ratings import write_parquet
from sparklimits.errors import SparkLimitsError
from sparklimits.labs.lab1_memory import LAB, naive, sizes
from sparklimits.labs.lab1_memory.data import load, make_data
from tests.sessions import shared


def test_a_little_more_memory_ends_the_spill(tmp_path: Path) -> None:
    spark = shared(LAB)
    ratings = load(spark, write_parquet(make_data(1.0, 7, "main"), tmp_path / "ratings"))["ratings"]
    found = sizes.with_memory(ratings, (naive.EXECUTOR_MB, 640))
    spilled = {size: counters["memory_spilled_bytes"] for size, counters in found.items()}
    assert spilled[naive.EXECUTOR_MB] > 1e8
    assert spilled[640] == 0


def test_the_driver_dies_of_what_is_collected() -> None:
    with pytest.raises(SparkLimitsError, match="OutOfMemoryError"):
        sizes.collect_in_a_small_driver(10_000_000)


def test_a_job_that_needs_room_throws_a_kept_table_out_of_memory(tmp_path: Path) -> None:
    spark = shared(LAB)
    ratings = load(spark, write_parquet(make_data(1.0, 7, "main"), tmp_path / "ratings"))["ratings"]
    numbers = spark.range(0, 12_000_000, 1, 16).select(F.rand(1).alias("a"), F.rand(2).alias("b")).persist()
    try:
        assert numbers.count() == 12_000_000
        (before,) = naive.kept_tables(spark)
        naive.digest(naive.training_examples(ratings))
        (after,) = naive.kept_tables(spark)
    finally:
        numbers.unpersist()
    assert after["memory_bytes"] < before["memory_bytes"] - 1e7  # a block has 12 MB
    assert after["disk_bytes"] > before["disk_bytes"] + 1e7
