"""The naive ways of lab 3: two jobs that send far more bytes than their answer needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def cohort_tastes(purchases: DataFrame, items: DataFrame) -> DataFrame:
    """The taste of each cohort: the mean vector of the items that it bought.

    One row for each cohort: ``cohort``, ``purchases`` (how many), ``taste`` (the mean, a list of numbers). The table
    ``items`` holds the vectors.
    """

    def mean_vector(cohort: tuple[Any, ...], bought: pd.DataFrame) -> pd.DataFrame:
        taste = np.stack(bought["item_vector"]).mean(axis=0)
        return pd.DataFrame({"cohort": cohort, "purchases": len(bought), "taste": [taste]})

    joined = purchases.join(items, "item_id")
    return joined.groupBy("cohort").applyInPandas(
        mean_vector, "cohort int, purchases long, taste array<float>"
    )


def cohort_scores(views: DataFrame, users: DataFrame, items: DataFrame) -> DataFrame:
    """How well the views of each cohort fit: the mean of the product *user's vector · item's vector*.

    One row for each cohort: ``cohort``, ``views`` (how many), ``score``. The tables ``users`` and ``items`` hold the
    vectors.
    """
    from pyspark.sql import functions as F

    joined = views.join(users, "user_id").join(items, "item_id")
    product = F.vector_inner_product("user_vector", "item_vector")
    return joined.groupBy("cohort").agg(F.count("*").alias("views"), F.avg(product).alias("score"))
