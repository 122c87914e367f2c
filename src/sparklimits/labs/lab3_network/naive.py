"""The naive ways of lab 3: two jobs that send far more bytes than their answer needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame


def cohort_tastes(purchases: DataFrame, vectors: NDArray[np.float32]) -> pd.DataFrame:
    """The taste of each cohort: the mean vector of the items that it bought.

    One row for each cohort: ``cohort``, ``purchases`` (how many), and the mean as ``v0``, ``v1``, … Row *i* of
    ``vectors`` belongs to item *i*.
    """
    pairs = purchases.rdd.map(lambda row: (row.cohort, vectors[row.item_id]))
    groups = pairs.groupByKey().mapValues(list)
    means = groups.mapValues(lambda bought: (len(bought), np.mean(bought, axis=0)))
    rows = [(cohort, count, *mean) for cohort, (count, mean) in means.collect()]
    names = [f"v{place}" for place in range(vectors.shape[1])]
    return pd.DataFrame(rows, columns=["cohort", "purchases", *names])


def cohort_scores(views: DataFrame, users: DataFrame, items: DataFrame) -> DataFrame:
    """How well the views of each cohort fit: the mean of the product *user's vector · item's vector*.

    One row for each cohort: ``cohort``, ``views`` (how many), ``score``. The tables ``users`` and ``items`` hold the
    vectors.
    """
    from pyspark.sql import functions as F

    joined = views.join(users, "user_id").join(items, "item_id")
    product = F.vector_inner_product("user_vector", "item_vector")
    return joined.groupBy("cohort").agg(F.count("*").alias("views"), F.avg(product).alias("score"))
