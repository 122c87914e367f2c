"""The naive pipeline of lab 6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: What the model reads of an impression.
FEATURES = (
    "affinity", "user_norm", "ad_norm", "hour_sin", "hour_cos", "seen", "pause", "affinity_mean", "affinity_deviation",
    "affinity_best",
)  # fmt: skip


#: Impressions of the same user that the features look back.
LOOK_BACK = 50


#: Widths of the network's layers.
SIZES = (len(FEATURES), 32, 2)


#: Iterations of MLlib's optimiser: fewer than its default of 100.
ITERATIONS = 60


DAY = 86_400


#: The day that is scored; the days before it are trained on.
LAST = 5


def features(
    impressions: DataFrame, users: DataFrame, ads: DataFrame, keys: Sequence[str] = ("user_id",)
) -> DataFrame:
    """Each impression with ``FEATURES``, as doubles, beside ``row``, ``ts`` and ``clicked``.

    How well the ad fits the user, the hour, and what the user saw before: how many of the last ``LOOK_BACK``
    impressions, how long ago the last one was, and how well those fitted. Impressions that agree in all ``keys``
    (columns of the impressions) see each other.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    joined = impressions.join(users, "user_id").join(ads, "ad_id")
    angle = F.col("ts") % DAY * F.lit(2 * np.pi / DAY)
    fits = joined.withColumns(
        {
            "affinity": F.vector_inner_product("user_vector", "ad_vector").cast("double"),
            "user_norm": F.vector_norm("user_vector").cast("double"),
            "ad_norm": F.vector_norm("ad_vector").cast("double"),
            "hour_sin": F.sin(angle),
            "hour_cos": F.cos(angle),
        }
    )
    in_time = Window.partitionBy(*keys).orderBy("ts", "row")
    before = in_time.rowsBetween(-LOOK_BACK, -1)
    table = fits.withColumns(
        {
            "seen": F.count("row").over(before) / F.lit(float(LOOK_BACK)),
            "pause": F.log1p((F.col("ts") - F.lag("ts").over(in_time)).cast("double")) / 10,
            "affinity_mean": F.avg("affinity").over(before),
            "affinity_deviation": F.stddev_pop("affinity").over(before),
            "affinity_best": F.max("affinity").over(before),
        }
    )
    return table.select("row", "ts", "clicked", *FEATURES).na.fill(0.0)


def pipeline(impressions: DataFrame, users: DataFrame, ads: DataFrame) -> DataFrame:
    """The probability of a click for each impression of the last day: ``row``, ``probability``."""
    return score_with_mllib(features(impressions, users, ads))


def score_with_mllib(table: DataFrame) -> DataFrame:
    """Trains MLlib's network on the days before the last one, looks at its AUC on them, and scores the last day."""
    from pyspark.ml.classification import MultilayerPerceptronClassifier
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as F

    table = VectorAssembler(inputCols=list(FEATURES), outputCol="features").transform(table)
    known, last_day = table.where(F.col("ts") < LAST * DAY), table.where(F.col("ts") >= LAST * DAY)
    network = MultilayerPerceptronClassifier(layers=list(SIZES), labelCol="clicked", maxIter=ITERATIONS)
    model = network.fit(known)
    auc = BinaryClassificationEvaluator(labelCol="clicked").evaluate(model.transform(known))
    if auc < 0.55:
        raise ValueError(f"the model has learned nothing: its AUC is {auc:.3f}")
    return model.transform(last_day).select(
        "row", vector_to_array(F.col("probability"))[1].alias("probability")
    )
