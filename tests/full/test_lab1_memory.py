"""Lab 1's executors of several sizes, each in a session of its own."""

from __future__ import annotations

from pathlib import Path

from sparklimits.datasets.ratings import write_parquet
from sparklimits.labs.lab1_memory import LAB, naive, sizes
from sparklimits.labs.lab1_memory.data import load, make_data
from tests.sessions import shared


def test_a_little_more_memory_ends_the_spill_and_much_more_changes_nothing(tmp_path: Path) -> None:
    spark = shared(LAB)
    ratings = load(spark, write_parquet(make_data(1.0, 7, "main"), tmp_path / "ratings"))["ratings"]
    found = sizes.with_memory(ratings, (naive.EXECUTOR_MB, 640, 1536))
    spilled = {size: counters["memory_spilled_bytes"] for size, counters in found.items()}
    assert spilled[naive.EXECUTOR_MB] > 1e8
    assert spilled[640] == spilled[1536] == 0
