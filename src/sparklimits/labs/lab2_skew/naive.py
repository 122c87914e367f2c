"""The naive ways of lab 2: two jobs in which one hot key holds up everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: Seconds that a trend looks back.
WINDOW = 3600


#: Pairs of items count when at least this many users rated both.
SUPPORT = 20


def item_trends(ratings: DataFrame) -> DataFrame:
    """For every item: how many ratings, the busiest hour, and how much the raters of one hour disagree.

    One row for each item: ``item_id``, ``ratings`` (count), ``peak`` (the largest number of ratings that came
    within ``WINDOW`` seconds before a rating), ``spread`` (the mean over the item's ratings of the standard
    deviation of the ratings in that window; a rating with an empty window does not count).
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    recent = Window.partitionBy("item_id").orderBy("ts").rangeBetween(-WINDOW, -1)
    history = ratings.select(
        "item_id",
        F.count("rating").over(recent).alias("recent"),
        F.stddev_pop("rating").over(recent).alias("deviation"),
    )
    return history.groupBy("item_id").agg(
        F.count("*").alias("ratings"), F.max("recent").alias("peak"), F.avg("deviation").alias("spread")
    )


def item_pairs(ratings: DataFrame) -> DataFrame:
    """How many users rated both of two items: ``item_a`` < ``item_b``, ``users`` ≥ ``SUPPORT``."""
    from pyspark.sql import functions as F

    baskets = ratings.groupBy("user_id").agg(F.collect_list("item_id").alias("items"))
    pairs = (
        baskets.select(F.explode("items").alias("item_a"), "items")
        .select("item_a", F.explode("items").alias("item_b"))
        .where("item_a < item_b")
    )
    return pairs.groupBy("item_a", "item_b").agg(F.count("*").alias("users")).where(F.col("users") >= SUPPORT)
