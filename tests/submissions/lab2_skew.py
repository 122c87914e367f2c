"""Lab 2, half fixed and wrong."""

#: One of the two jobs fixed, and only half: the work is spread, nothing is pruned.
HALF = {
    "prediction": "my_prediction = 2",
    "item_pairs": """\
from pyspark.sql import functions as F

from sparklimits.labs.lab2_skew.naive import SUPPORT


def item_pairs(ratings):
    baskets = ratings.groupBy("user_id").agg(F.collect_list("item_id").alias("items"))
    first = baskets.select(F.explode("items").alias("item_a"), "items").repartition(16)
    pairs = first.select("item_a", F.explode("items").alias("item_b")).where("item_a < item_b")
    return pairs.groupBy("item_a", "item_b").agg(F.count("*").alias("users")).where(F.col("users") >= SUPPORT)
""",
}

#: Fast, balanced and wrong: three ratings of a basket are too few, and a window is not cut at its edges for nothing.
WRONG = {
    "prediction": "my_prediction = 2",
    "item_trends": """\
from pyspark.sql import Window
from pyspark.sql import functions as F


def item_trends(ratings):
    slices = ratings.withColumn("slice", F.floor(F.col("ts") / 10_800))
    recent = Window.partitionBy("item_id", "slice").orderBy("ts").rangeBetween(-3600, -1)
    history = slices.select(
        "item_id", F.count("rating").over(recent).alias("recent"),
        F.stddev_pop("rating").over(recent).alias("deviation"),
    )
    return history.groupBy("item_id").agg(
        F.count("*").alias("ratings"), F.max("recent").alias("peak"), F.avg("deviation").alias("spread")
    )
""",
    "item_pairs": """\
from pyspark.sql import functions as F


def item_pairs(ratings):
    few = F.slice(F.collect_list("item_id"), 1, 3)
    baskets = ratings.groupBy("user_id").agg(few.alias("items"))
    first = baskets.select(F.explode("items").alias("item_a"), "items").repartition(16)
    pairs = first.select("item_a", F.explode("items").alias("item_b")).where("item_a < item_b")
    return pairs.groupBy("item_a", "item_b").agg(F.count("*").alias("users")).where(F.col("users") >= 20)
""",
}

#: Right, and made in the driver: Spark is asked for the rows alone.
IN_THE_DRIVER = {
    "prediction": "my_prediction = 3",
    "item_pairs": """\
import numpy as np
import pandas as pd
from scipy import sparse

from sparklimits.labs.lab2_skew.naive import SUPPORT


def item_pairs(ratings):
    rows = ratings.repartition(2).select("user_id", "item_id").toPandas()
    counted = rows["item_id"].value_counts()
    rows = rows[rows["item_id"].isin(counted[counted >= SUPPORT].index)]
    users, user = np.unique(rows["user_id"], return_inverse=True)
    items, item = np.unique(rows["item_id"], return_inverse=True)
    seen = sparse.csr_matrix((np.ones(len(rows), np.int32), (user, item)), (len(users), len(items)))
    shared = sparse.triu(seen.T @ seen, k=1).tocoo()
    kept = shared.data >= SUPPORT
    first, second = items[shared.row[kept]], items[shared.col[kept]]
    return pd.DataFrame({"item_a": first, "item_b": second, "users": shared.data[kept]})
""",
}
