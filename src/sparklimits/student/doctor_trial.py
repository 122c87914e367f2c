"""A trial of one minute: the cluster of a lab, and on it each kind of work that the labs do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sparklimits.errors import SparkLimitsError, in_one_line
from sparklimits.machine import faults
from sparklimits.machine.paths import scratch
from sparklimits.spark import executors, page, session
from sparklimits.spark.constraints import Constraints
from sparklimits.student.findings import Finding

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_ROWS = 10_000


def findings(progress: Callable[[str], None] = lambda message: None) -> Iterator[Finding]:
    """The lines of this part, each when it is known; the first that fails is the last."""
    try:
        for name, step in (
            ("Cluster", _cluster),
            ("Files", _files),
            ("Shuffle", _shuffle),
            ("Python", _python),
            ("Spark's page", _page),
        ):
            progress(name)
            began = time.monotonic()
            try:
                found = step(session.get(Constraints(), "doctor"))
            except SparkLimitsError as error:
                yield Finding(name, False, "failed", str(error))
                return
            except Exception as error:
                remedy = (
                    faults.of_the_machine(error) or "send what `sparklimits doctor --try --report` writes"
                )
                yield Finding(name, False, f"failed: {in_one_line(error)}", remedy)
                return
            yield Finding(name, True, f"{found} ({time.monotonic() - began:.0f} s)")
    finally:
        session.stop()


def _cluster(spark: SparkSession) -> str:
    asked = Constraints().executors
    spark.sparkContext.parallelize(range(asked), asked).count()
    return f"Spark {spark.version} starts, with {executors.count(spark)} executors"


def _files(spark: SparkSession) -> str:
    folder = str(scratch() / "trial")
    spark.range(_ROWS).write.mode("overwrite").parquet(folder)
    count = spark.read.parquet(folder).count()
    return f"{count:,} rows written and read as Parquet"


def _shuffle(spark: SparkSession) -> str:
    table = spark.range(_ROWS).selectExpr("id % 100 AS key", "id AS value")
    counted = table.repartition(8).groupBy("key").count().toPandas()
    return f"{len(counted)} groups, by way of a shuffle"


def _python(spark: SparkSession) -> str:
    from pyspark import TaskContext

    def where(_: int) -> int:
        context = TaskContext.get()
        return context.partitionId() if context else -1

    parts = spark.sparkContext.parallelize(range(4), 4).map(where).collect()
    return f"the executors run Python ({len(set(parts))} tasks)"


def _page(spark: SparkSession) -> str:
    with page.collect(spark) as counters:
        spark.range(_ROWS).repartition(4).count()
    return f"its counters can be read: {counters.jobs} jobs, {len(counters.tasks)} tasks"
