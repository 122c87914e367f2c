"""Two sessions in one process, one after the other: real executors, quiet, and nothing left afterwards."""

import os

import psutil
from pyspark.sql import SparkSession

from sparklimits.machine.paths import scratch
from sparklimits.spark import session
from sparklimits.spark.constraints import Constraints


def executors() -> int:
    """Processes of executors of this process's sessions."""
    lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    return sum("CoarseGrainedExecutorBackend" in line and str(scratch()) in line for line in lines)


def daemons(spark: SparkSession) -> set[int]:
    """The numbers of the Python daemons that run tasks."""
    return set(spark.sparkContext.parallelize(range(40), 20).map(lambda _: os.getppid()).collect())


def main() -> None:
    """Prints the scratch folder, and nothing else."""
    spark = session.get(Constraints())
    spark.sparkContext.parallelize(range(8), 8).map(lambda x: 1 / (x - 9)).sum()
    spark.sql("select explode(sequence(1, 100)) x").repartition(4).count()
    assert len(daemons(spark)) == 2, "two executors with Python daemons of their own"
    assert executors() == 2, executors()
    assert session.get(Constraints()) is spark
    first = spark.sparkContext.applicationId
    again = session.get(Constraints(executors=1, memory_mb=512, driver_memory_mb=600))
    assert again.sparkContext.applicationId != first
    assert executors() == 1, executors()
    assert again.range(10).count() == 10
    print("folder", scratch())
    session.stop()
    session.stop()
    assert executors() == 0, executors()


if __name__ == "__main__":
    main()
