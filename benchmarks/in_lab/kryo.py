"""Seconds and bytes of a job that shuffles objects of Java, with the serializer that is named.

    python kryo.py Java|Kryo

The session has an executor on each worker. On half a core a job gets faster for some runs, until Java has compiled it:
the first ones do not count. Prints ``[median seconds, bytes shuffled, bytes of these from another machine]``.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import sys
import tempfile

import numpy as np
from pyspark.mllib.linalg import Vectors
from pyspark.mllib.linalg.distributed import RowMatrix
from pyspark.sql import SparkSession

from sparklimits.labs.lab3_network import kryo
from sparklimits.machine.paths import scratch
from sparklimits.spark import session
from sparklimits.spark.timed import timed

SETTINGS = {"Java": {}, "Kryo": {"spark.serializer": kryo.KRYO}}
WARM_UPS, RUNS = 4, 3
PARTITIONS = 4


def measured(spark: SparkSession) -> tuple[float, float, float]:
    """The median of the seconds, and the bytes of the last run."""
    baskets = (np.random.default_rng(1).random((4_000, 300)) < 0.05).astype(float)
    made = spark.sparkContext.parallelize([Vectors.dense(row) for row in baskets], PARTITIONS)
    # What is handed to parallelize goes to the workers again with the tasks of each job; a file is read there.
    folder = tempfile.mkdtemp(dir=scratch()) + "/rows"
    made.saveAsPickleFile(folder)
    matrix = RowMatrix(spark.sparkContext.pickleFile(folder, PARTITIONS).cache())
    runs = [
        timed(spark, "similarities", lambda: matrix.columnSimilarities().entries.count())
        for _ in range(WARM_UPS + RUNS)
    ][WARM_UPS:]
    counted = runs[-1].counters.summary()
    return statistics.median(run.seconds for run in runs), counted["shuffle_bytes"], counted["remote_bytes"]


def main() -> None:
    """Measures in a session of its own: the serializer belongs to a session from its start."""
    constraints = kryo.constraints(SETTINGS[sys.argv[1]], {"spark.shuffle.compress": "false"})
    roomy = dataclasses.replace(constraints, cores=1, memory_mb=768, driver_memory_mb=768)
    try:
        print(json.dumps(measured(session.get(roomy))))
    finally:
        session.stop()


if __name__ == "__main__":
    main()
