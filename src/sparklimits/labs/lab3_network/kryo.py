"""Kryo in lab 3: a job that shuffles objects of Java, under given settings, and the jobs of the truth table.

The serializer belongs to a session from its start, so each set of settings gets a session of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparklimits.errors import SparkLimitsError
from sparklimits.measurement.lab import Outcome, Solution
from sparklimits.spark import isolated, page
from sparklimits.spark.constraints import Constraints

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Groups of items whose similarities are computed.
GROUPS = 100
KRYO = "org.apache.spark.serializer.KryoSerializer"
#: What a session for objects departs from, so that what is written is what is counted and no class is forgotten.
PLAIN = {"spark.shuffle.compress": "false", "spark.kryo.registrationRequired": "true"}
_PARTITIONS = 4
_TOLERANCE = 1e-6


def kryo_settings() -> dict[str, str]:
    """Spark settings, by name, for a job that shuffles objects of Java. None: Java's own serializer does it."""
    return {}


def similar_groups(spark: SparkSession, baskets: NDArray[np.float64]) -> list[tuple[int, int, float]]:
    """Which groups of items the same cohorts buy: (group, group, cosine similarity), by MLlib.

    ``baskets`` is (cohorts, groups). Each row gives a number for every two groups, and these objects are shuffled.
    """
    from pyspark.mllib.linalg import Vectors
    from pyspark.mllib.linalg.distributed import RowMatrix

    rows = spark.sparkContext.parallelize([Vectors.dense(row) for row in baskets], _PARTITIONS)
    entries = RowMatrix(rows).columnSimilarities().entries
    return entries.map(lambda entry: (entry.i, entry.j, entry.value)).collect()


def drive_settings(settings: Solution, inputs: Mapping[str, Any]) -> Outcome:
    """``similar_groups`` in a session with the settings that the function gives: a row for each two groups.

    The bytes that it shuffled are the count ``object_bytes``.

    Raises:
        SparkLimitsError: a setting is no matter of the serializer, or the job failed.
    """
    job = partial(_similar, baskets=inputs["baskets"])
    found, counters = isolated.run(job, constraints(checked(settings())))
    table = pd.DataFrame(found, columns=["group_a", "group_b", "similarity"])
    return Outcome(table, {"object_bytes": counters.summary()["shuffle_bytes"]})


def _similar(spark: SparkSession, baskets: NDArray[np.float64]) -> list[tuple[int, int, float]]:
    return similar_groups(spark, baskets)


def checked(settings: Any) -> dict[str, str]:
    """The settings as text, if each of them is about the serializer.

    Raises:
        SparkLimitsError: one is not; or they are no dictionary.
    """
    if not isinstance(settings, Mapping):
        raise SparkLimitsError(
            f"kryo_settings must return a dictionary of settings, not {type(settings).__name__}"
        )
    allowed = ("spark.serializer", "spark.kryo.", "spark.kryoserializer.")
    for name in settings:
        if not str(name).startswith(allowed):
            raise SparkLimitsError(
                f"{name} is not a serializer setting; those begin with {', '.join(allowed)}"
            )
    return {str(name): str(value) for name, value in settings.items()}


def constraints(settings: Mapping[str, str], plain: Mapping[str, str] = PLAIN) -> Constraints:
    """A small session with these settings; ``plain`` come last, so that they hold."""
    return Constraints(
        executors=1, cores=2, memory_mb=512, driver_memory_mb=512, settings={**settings, **plain}
    )


def differences(found: pd.DataFrame, baskets: NDArray[np.float64]) -> list[str]:
    """What is wrong with the similarities, compared with those computed by NumPy; nothing when they are right."""
    norms = np.linalg.norm(baskets, axis=0)
    norms[norms == 0] = (
        np.inf
    )  # A group that is in no basket has no direction; Spark lists no similarity for it.
    exact = baskets.T @ baskets / np.outer(norms, norms)
    places = found[["group_a", "group_b"]].to_numpy(np.int64)
    wanted = np.count_nonzero(np.triu(exact, k=1))
    if len(found) != wanted:
        return [f"kryo_settings: {len(found):,} similarities came out of {wanted:,}"]
    apart = float(np.abs(found["similarity"].to_numpy() - exact[places[:, 0], places[:, 1]]).max())
    return [f"kryo_settings: a similarity is off by {apart:.2g}"] if apart > _TOLERANCE else []


def truth(spark: SparkSession, jobs: Sequence[str]) -> dict[str, int]:
    """Bytes written to the shuffle by each of these ``JOBS``, by name: which of them does the serializer touch?"""
    found = {}
    for name in jobs:
        with page.collect(spark) as counters:
            JOBS[name](spark)
        found[name] = int(counters.summary()["shuffle_bytes"])
    return found


def _ratings(spark: SparkSession, rows: int = 60_000) -> Any:
    from pyspark.sql import functions as F

    numbers = spark.range(0, rows, 1, _PARTITIONS)
    return numbers.select(
        F.pmod(F.xxhash64("id"), F.lit(2_000)).cast("int").alias("user"),
        F.pmod(F.xxhash64("id", F.lit(1)), F.lit(1_000)).cast("int").alias("item"),
        (1 + F.pmod(F.xxhash64("id", F.lit(2)), F.lit(5))).cast("float").alias("rating"),
    )


def _data_frame(spark: SparkSession) -> None:
    _ratings(spark, 300_000).repartition(_PARTITIONS, "user").write.format("noop").mode("overwrite").save()


def _python_rdd(spark: SparkSession) -> None:
    numbers = spark.sparkContext.range(0, 100_000, 1, _PARTITIONS)
    numbers.map(lambda number: (number % 2_000, (number, number / 7))).groupByKey(_PARTITIONS).count()


def _als(spark: SparkSession) -> None:
    from pyspark.ml.recommendation import ALS

    ALS(rank=10, maxIter=3, seed=1, numUserBlocks=_PARTITIONS, numItemBlocks=_PARTITIONS).fit(_ratings(spark))


def _fp_growth(spark: SparkSession) -> None:
    from pyspark.ml.fpm import FPGrowth
    from pyspark.sql import functions as F

    # Small numbers are frequent: the product of two even ones is a steep distribution.
    draws = [
        F.floor(60 * F.pow(F.pmod(F.xxhash64("id", F.lit(place)), F.lit(1_000)) / 1_000, 2)).cast("int")
        for place in range(12)
    ]
    baskets = spark.range(0, 20_000, 1, _PARTITIONS).select(F.array_distinct(F.array(*draws)).alias("items"))
    FPGrowth(minSupport=0.02, numPartitions=_PARTITIONS).fit(baskets).freqItemsets.count()


def _column_similarities(spark: SparkSession) -> None:
    similar_groups(spark, np.random.default_rng(1).poisson(1.0, (300, GROUPS)).astype(np.float64))


JOBS = {
    "DataFrame": _data_frame,
    "RDD of Python objects": _python_rdd,
    "ALS": _als,
    "FPGrowth": _fp_growth,
    "columnSimilarities": _column_similarities,
}
