"""The naive ways of lab 0, and what its functions are about: the visits of a shop, timings, and counters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: What is counted of a visit, and what a model is to tell from it.
COUNTS = (
    "pages", "clicks", "searches", "photos", "reviews", "videos", "filters", "sorts", "carts", "wishes", "shares",
    "questions", "returns", "coupons", "visits", "orders",
)  # fmt: skip


LABEL = "minutes"


#: A feature is the product of up to so many counts of a visit.
DEGREE = 3


PENALTY = 0.01


#: What may hold up a job; ``bottleneck`` answers with one of them.
CAUSES = ("skew", "spill", "recomputation", "network", "idle slots", "none")


def fit_in_parallel(visits: DataFrame) -> pd.DataFrame:
    """The weights of a model that tells the minutes of a visit from its counts."""
    return train(visits)


def ratio(baseline: Sequence[float], candidate: Sequence[float]) -> tuple[float, float, float]:
    """How many times faster the candidate is, and the two ends of an interval: here simply the first pair."""
    speedup = baseline[0] / candidate[0]
    return speedup, speedup, speedup


def bottleneck(counters: Mapping[str, float]) -> str:
    """What holds up a job with these counters, one of ``CAUSES``: here "the network", whenever bytes were moved."""
    return "network" if counters["shuffle_bytes"] else "none"


def train(visits: DataFrame) -> pd.DataFrame:
    """Fits MLlib's linear regression; column ``weight``: one for each feature, the constant last.

    The features are all products of up to three counts.
    """
    from pyspark.ml.feature import PolynomialExpansion, VectorAssembler
    from pyspark.ml.regression import LinearRegression

    counts = VectorAssembler(inputCols=[name for name in visits.columns if name != LABEL], outputCol="counts")
    products = PolynomialExpansion(degree=DEGREE, inputCol="counts", outputCol="features")
    table = products.transform(counts.transform(visits))
    model = LinearRegression(labelCol=LABEL, regParam=PENALTY).fit(table)
    return pd.DataFrame({"weight": [*model.coefficients, model.intercept]})


def read(spark: SparkSession, file: Path) -> DataFrame:
    """The visits in a CSV file with a line of names; Spark unpacks a name that ends in ``.gz``."""
    names = spark.read.csv(str(file), header=True).columns
    schema = ", ".join(f"{name} {'double' if name == LABEL else 'int'}" for name in names)
    return spark.read.csv(str(file), header=True, schema=schema)
