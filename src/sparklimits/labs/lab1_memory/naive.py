"""The naive ways of lab 1, and how they are driven."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from sparklimits.measurement.lab import Outcome, Solution

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: Ratings that a feature looks back.
LOOK_BACK = 300


#: Items that a training example remembers.
HISTORY = 1000


#: Regularisations that are compared.
PENALTIES = (0.0, 0.01, 0.1)


#: Names of the features: four of the user, four of the item.
FEATURES = tuple(
    f"{who}_{what}" for who in ("user", "item") for what in ("mean", "deviation", "count", "last")
)


#: Executors of this size have (512 − 300) · 0.6 ≈ 127 MB for the data of tasks and for what is kept.
EXECUTOR_MB = 512


def features(ratings: DataFrame) -> DataFrame:
    """The ratings with eight more columns (``FEATURES``): the last ratings of the same user, and of the item.

    For each rating, over at most ``LOOK_BACK`` ratings before it: their mean, standard deviation and count, and
    the last one. Zero where there is none.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    table = ratings
    for who, other in (("user", "item"), ("item", "user")):
        in_time = Window.partitionBy(f"{who}_id").orderBy("ts", f"{other}_id")
        before = in_time.rowsBetween(-LOOK_BACK, -1)
        table = table.withColumns(
            {
                f"{who}_mean": F.avg("rating").over(before),
                f"{who}_deviation": F.stddev_pop("rating").over(before),
                f"{who}_count": F.count("rating").over(before).cast("double"),
                f"{who}_last": F.lag("rating").over(in_time).cast("double"),
            }
        )
    return table.na.fill(0.0, list(FEATURES))


def compare_models(ratings: DataFrame) -> pd.DataFrame:
    """The error of a linear model for each of ``PENALTIES``: columns ``penalty``, ``rmse`` (stars).

    Trained on the ratings of four seconds out of five, tested on those of the fifth.
    """
    from pyspark.ml.evaluation import RegressionEvaluator
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.regression import LinearRegression
    from pyspark.sql import functions as F

    table = VectorAssembler(inputCols=list(FEATURES), outputCol="features").transform(features(ratings))
    train, test = table.where(F.col("ts") % 5 != 0), table.where(F.col("ts") % 5 == 0)
    evaluator = RegressionEvaluator(labelCol="rating")
    rows = []
    for penalty in PENALTIES:
        model = LinearRegression(labelCol="rating", regParam=penalty, solver="normal").fit(train)
        rows.append((penalty, evaluator.evaluate(model.transform(test))))
    return pd.DataFrame(rows, columns=["penalty", "rmse"])


def training_examples(ratings: DataFrame) -> DataFrame:
    """One example for each rating: ``user_id``, ``item_id``, ``ts``, ``history``.

    ``history`` holds the last ``HISTORY`` items that the user rated before, the oldest first. Each partition
    becomes one file of the trainer, and in it the examples stand in the order of time.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    before = Window.partitionBy("user_id").orderBy("ts", "item_id").rowsBetween(-HISTORY, -1)
    examples = ratings.select(
        "user_id", "item_id", "ts", F.collect_list("item_id").over(before).alias("history")
    )
    return examples.repartition(1).sortWithinPartitions("ts")


def digest(examples: DataFrame) -> pd.DataFrame:
    """What a check needs of the examples, in their order: the partition, and the history in four numbers."""
    from pyspark.sql import functions as F

    return examples.select(
        F.spark_partition_id().alias("partition"),
        "user_id", "item_id", "ts",
        F.size("history").alias("length"),
        F.try_element_at("history", F.lit(1)).alias("oldest"),
        F.try_element_at("history", F.lit(-1)).alias("newest"),
        F.array_max("history").alias("largest"),
    ).toPandas()  # fmt: skip


def kept_tables(spark: SparkSession) -> list[dict[str, float]]:
    """What Spark keeps now, in memory or on the disk: for each table ``memory_bytes``, ``disk_bytes``."""
    kept = spark.sparkContext._jsc.sc().getRDDStorageInfo()  # type: ignore[union-attr]
    return [{"memory_bytes": one.memSize(), "disk_bytes": one.diskSize()} for one in kept]


def drive_models(solution: Solution, inputs: Mapping[str, Any]) -> Outcome:
    """The solution's result; how many tables it left in memory is noted as ``kept``."""
    found = solution(inputs["ratings"])
    return Outcome(found, notes={"kept": len(kept_tables(inputs["ratings"].sparkSession))})


def drive_examples(solution: Solution, inputs: Mapping[str, Any]) -> Outcome:
    """The digest of the solution's examples."""
    found = solution(inputs["ratings"])
    return Outcome(digest(found) if hasattr(found, "sparkSession") else found)
