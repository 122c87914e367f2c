"""Lab 1, memory: features that are computed again and again, and one task that holds more than fits.

The data are a shop's ratings in the order of time. One job compares three regularisations of a linear model on
features that look back over each user's and each item's last ratings; the other makes training examples for a
sequence model, each with the items that its user rated before, in the order of time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparklimits.cluster import Constraints
from sparklimits.datasets.ratings import RatingsSpec, generate, write_parquet
from sparklimits.labs.base import Lab, Quality, Solution, Task

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: Ratings that a feature looks back.
LOOK_BACK = 100
#: Items that a training example remembers.
HISTORY = 1000
#: Regularisations that are compared.
PENALTIES = (0.0, 0.01, 0.1)
#: Names of the features: four of the user, four of the item.
FEATURES = tuple(
    f"{who}_{what}" for who in ("user", "item") for what in ("mean", "deviation", "count", "last")
)
#: Largest allowed difference of an error (root mean square, in stars) from the exact one.
TOLERANCE = 1e-3
#: Executors of this size have (512 − 300) · 0.6 ≈ 127 MB for the data of tasks and for what is kept.
EXECUTOR_MB = 512

SPECS = {
    "main": RatingsSpec(
        ratings=55_000, users=40, items=4_000, top_users=0.04, top_items=0.12, days=200.0,
    ),
    "other": RatingsSpec(
        ratings=60_000, users=200, items=1_500, top_users=0.08, top_items=0.10, days=90.0,
    ),
}  # fmt: skip


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


def make_data(scale: float, seed: int, variant: str) -> pd.DataFrame:
    """Fresh ratings; ``variant`` is a key of ``SPECS``. Fewer ratings leave as many users: each has written fewer."""
    spec = SPECS[variant]
    return generate(replace(spec.scaled(max(1.0, scale)), ratings=round(scale * spec.ratings)), seed)


def load(spark: SparkSession, folder: Path) -> dict[str, Any]:
    """The inputs of the functions to write."""
    return {"ratings": spark.read.parquet(str(folder))}


def check(results: Mapping[str, pd.DataFrame], ratings: pd.DataFrame) -> Quality:
    """Compares both results with the same quantities computed by NumPy on the driver."""
    values: dict[str, float] = {}
    broken: list[str] = []
    if (errors := results.get("compare_models")) is not None:
        _check_errors(errors, ratings, values, broken)
    if (examples := results.get("training_examples")) is not None:
        _check_examples(examples, ratings, broken)
    return Quality(values, tuple(broken))


def exact_errors(ratings: pd.DataFrame) -> NDArray[np.float64]:
    """What ``compare_models`` must give, for each of ``PENALTIES``: ridge regression by its normal equations.

    Spark penalises the weights of standardised features, and divides the penalty by the label's standard
    deviation, as glmnet does (the comment in ``WeightedLeastSquares.scala`` derives it).
    """
    table = ratings.reset_index(drop=True)
    columns = [
        column
        for who, other in (("user_id", "item_id"), ("item_id", "user_id"))
        for column in _looking_back(table, who, other)
    ]
    x = np.column_stack(columns)
    y = table["rating"].to_numpy(np.float64)
    tested = (table["ts"] % 5 == 0).to_numpy()
    x_train, y_train = x[~tested], y[~tested]
    centre, scale = x_train.mean(axis=0), x_train.std(axis=0, ddof=1)
    scale[scale == 0] = 1.0
    z = (x_train - centre) / scale
    gram, moment = z.T @ z / len(z), z.T @ (y_train - y_train.mean()) / len(z)
    errors = []
    for penalty in PENALTIES:
        weights = np.linalg.solve(gram + penalty / y_train.std(ddof=1) * np.eye(len(gram)), moment)
        guess = (x[tested] - centre) / scale @ weights + y_train.mean()
        errors.append(np.sqrt(np.mean((guess - y[tested]) ** 2)))
    return np.array(errors)


def exact_examples(ratings: pd.DataFrame) -> pd.DataFrame:
    """What ``digest`` must give of ``training_examples``, sorted by time, user and item."""
    table = ratings.sort_values(["user_id", "ts", "item_id"], ignore_index=True)
    item = table["item_id"].to_numpy(np.int64)
    place = np.arange(len(table))
    first = _starts(table["user_id"].to_numpy())
    oldest = np.maximum(first, place - HISTORY)
    largest = (
        pd.Series(item)
        .groupby(first)
        .transform(lambda items: items.shift().rolling(HISTORY, min_periods=1).max())
    )
    empty = oldest == place
    return pd.DataFrame(
        {
            "user_id": table["user_id"], "item_id": item, "ts": table["ts"], "length": place - oldest,
            "oldest": np.where(empty, np.nan, item[oldest]),
            "newest": np.where(empty, np.nan, item[place - 1]),
            "largest": largest,
        }
    ).sort_values(["ts", "user_id", "item_id"], ignore_index=True)  # fmt: skip


def _starts(sorted_keys: NDArray[Any]) -> NDArray[np.int64]:
    """For each row of a sorted table, where its key's rows begin."""
    new = np.concatenate([[True], sorted_keys[1:] != sorted_keys[:-1]])
    return np.maximum.accumulate(np.where(new, np.arange(len(new)), 0))


def _looking_back(table: pd.DataFrame, who: str, other: str) -> list[NDArray[np.float64]]:
    """Mean, deviation, count and last of the ratings before, for each row of the table, from running sums."""
    order = table.sort_values([who, "ts", other]).index.to_numpy()
    rating = table["rating"].to_numpy(np.float64)[order]
    place = np.arange(len(rating))
    left = np.maximum(_starts(table[who].to_numpy()[order]), place - LOOK_BACK)
    count = place - left
    sums, squares = (np.concatenate([[0.0], np.cumsum(rating**power)]) for power in (1, 2))
    some = np.maximum(count, 1)
    mean = (sums[place] - sums[left]) / some
    deviation = np.sqrt(np.maximum((squares[place] - squares[left]) / some - mean**2, 0.0))
    last = np.where(count > 0, rating[place - 1], 0.0)
    found = []
    for column in (mean, deviation, count.astype(np.float64), last):
        back = np.empty_like(column)
        back[order] = column
        found.append(back)
    return found


def _check_errors(
    found: pd.DataFrame, ratings: pd.DataFrame, values: dict[str, float], broken: list[str]
) -> None:
    if not {"penalty", "rmse"} <= set(found.columns):
        broken.append("compare_models: the result must have the columns penalty and rmse")
        return
    numbers = found[["penalty", "rmse"]].apply(pd.to_numeric, errors="coerce")
    if len(numbers) != len(PENALTIES) or not np.allclose(np.sort(numbers["penalty"]), PENALTIES):
        broken.append(
            f"compare_models: one row is wanted for each penalty of {', '.join(map(str, PENALTIES))}"
        )
        return
    apart = float(np.abs(numbers.sort_values("penalty")["rmse"].to_numpy() - exact_errors(ratings)).max())
    values["rmse_difference"] = round(apart, 6)
    if not apart <= TOLERANCE:
        broken.append(
            f"compare_models: an error differs from the exact one by {apart:.4f} stars; {TOLERANCE} is allowed"
        )
    if "kept" in found.columns and found["kept"].max():
        broken.append(
            f"compare_models: {found['kept'].max()} table(s) are still kept when the function returns; "
            "call unpersist() on what you persisted"
        )


def _check_examples(found: pd.DataFrame, ratings: pd.DataFrame, broken: list[str]) -> None:
    exact = exact_examples(ratings)
    missing = [column for column in ("partition", *exact.columns) if column not in found.columns]
    if missing:
        broken.append(f"training_examples: the result has no column {', '.join(missing)}")
        return
    if len(found) != len(exact):
        broken.append(f"training_examples: {len(found):,} examples came out of {len(exact):,} ratings")
        return
    if not found.groupby("partition")["ts"].is_monotonic_increasing.all():
        broken.append("training_examples: in a partition the examples are not in the order of time")
    ordered = found.sort_values(["ts", "user_id", "item_id"], ignore_index=True)
    for column in exact.columns:
        pair = (ordered[column].to_numpy(np.float64), exact[column].to_numpy(np.float64))
        if wrong := int((~np.isclose(*pair, rtol=0, atol=0, equal_nan=True)).sum()):
            broken.append(f"training_examples: {column} is wrong in {wrong:,} examples")


def _compared(solution: Solution, inputs: Mapping[str, Any]) -> Any:
    """The solution's result, with the number of tables that it left in memory as the column ``kept``."""
    found = solution(inputs["ratings"])
    if isinstance(found, pd.DataFrame):
        return found.assign(kept=len(kept_tables(inputs["ratings"].sparkSession)))
    return found


def _read_in_order(solution: Solution, inputs: Mapping[str, Any]) -> Any:
    found = solution(inputs["ratings"])
    return digest(found) if hasattr(found, "sparkSession") else found


LAB = Lab(
    id="lab1_memory",
    limitation="memory",
    fix="persist what is used again, partitions that fit",
    explains="input_records",
    constraints=Constraints(
        executors=2,
        cores=1,
        memory_mb=EXECUTOR_MB,
        settings={"spark.driver.maxResultSize": "64m", "spark.task.maxFailures": "2"},
        reasons={
            "spark.driver.maxResultSize": "64 MB instead of 1 GB, so that a large result is refused on little data",
            "spark.task.maxFailures": "2 instead of 4: the task that kills its executor is not tried so often",
        },
    ),
    tasks=(
        Task(
            "compare_models",
            compare_models,
            ("ratings",),
            "input_records",
            good=160_000,
            bad=550_000,
            grows=True,
            drive=_compared,
        ),
        Task(
            "training_examples",
            training_examples,
            ("ratings",),
            "memory_spilled_bytes",
            good=1e6,
            bad=5e7,
            grows=True,
            timed=False,
            drive=_read_in_order,
        ),
    ),
    gain=3.0,
    make_data=make_data,
    write_data=write_parquet,
    load=load,
    check=check,
    variants=("main", "other"),
    shown=("input_records", "shuffle_bytes", "memory_spilled_bytes"),
    warm_up=1.0,
)
