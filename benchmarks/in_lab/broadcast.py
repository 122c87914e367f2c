"""Bytes that each machine's link sends while a table is broadcast and used once on each worker.

    python broadcast.py

The kernel's own counters of the network device are read in the driver, and in a task on each worker, before and after.
Prints a list of runs, each ``{"driver": MB, "workers": [MB, …], "size": MB}``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from pyspark import SparkContext
from pyspark.broadcast import Broadcast

from sparklimits.spark import session
from sparklimits.spark.constraints import Constraints

#: A table that does not compress, sixteen blocks of Spark's.
SIZE, RUNS = 64_000_000, 3


def sent() -> int:
    """Bytes that left this machine, without those that stayed in it."""
    devices = (one for one in Path("/sys/class/net").iterdir() if one.name != "lo")
    return sum(int((one / "statistics" / "tx_bytes").read_text()) for one in devices)


def on_each(
    context: SparkContext, workers: int, table: Broadcast[bytes] | None = None
) -> list[tuple[int, int]]:
    """From a task on each worker, all at the same time: the bytes of the table there, and the bytes sent so far."""

    def look(_: Iterator[int]) -> Iterator[tuple[int, int]]:
        yield len(table.value) if table is not None else 0, sent()

    return context.parallelize(range(workers), workers).barrier().mapPartitions(look).collect()


def main() -> None:
    """Measures in a session with an executor of one core on each worker."""
    constraints = Constraints(memory_mb=768, driver_memory_mb=768)
    context = session.get(constraints).sparkContext
    workers = context.defaultParallelism
    runs = []
    try:
        on_each(context, workers)  # starts the executors' Python
        for _ in range(RUNS):
            before, driver = sorted(each for _, each in on_each(context, workers)), sent()
            table = context.broadcast(os.urandom(SIZE))
            assert [size for size, _ in on_each(context, workers, table)] == [SIZE] * workers
            after = sorted(each for _, each in on_each(context, workers))
            runs.append(
                {
                    "size": SIZE / 1e6,
                    "driver": (sent() - driver) / 1e6,
                    "workers": [(late - early) / 1e6 for early, late in zip(before, after, strict=True)],
                }
            )
            table.destroy()
    finally:
        session.stop()
    print(json.dumps(runs))


if __name__ == "__main__":
    main()
