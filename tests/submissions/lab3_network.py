"""Lab 3, half fixed and wrong."""

#: The means are combined; of the two tables only one is broadcast; Kryo is left alone.
HALF = {
    "prediction": "my_prediction = 2",
    "cohort_scores": """\
from pyspark.sql import functions as F


def cohort_scores(views, users, items):
    joined = views.join(users, "user_id").join(F.broadcast(items), "item_id")
    product = F.vector_inner_product("user_vector", "item_vector")
    return joined.groupBy("cohort").agg(F.count("*").alias("views"), F.avg(product).alias("score"))
""",
}

#: Fast and wrong: a mean of means, a tenth of the views, and settings that are none of the serializer's.
WRONG = {
    "prediction": "my_prediction = 2",
    "cohort_tastes": """\
import pandas as pd


def cohort_tastes(purchases, vectors):
    pairs = purchases.rdd.map(lambda row: (row.cohort, (1, vectors[row.item_id])))
    means = pairs.reduceByKey(lambda a, b: (a[0] + b[0], (a[1] + b[1]) / 2))
    rows = [(cohort, count, *mean) for cohort, (count, mean) in means.collect()]
    return pd.DataFrame(rows, columns=["cohort", "purchases", *(f"v{place}" for place in range(vectors.shape[1]))])
""",
    "cohort_scores": """\
from pyspark.sql import functions as F


def cohort_scores(views, users, items):
    some = views.sample(0.1, 1)
    joined = some.join(F.broadcast(users), "user_id").join(F.broadcast(items), "item_id")
    product = F.vector_inner_product("user_vector", "item_vector")
    return joined.groupBy("cohort").agg((10 * F.count("*")).alias("views"), F.avg(product).alias("score"))
""",
}

#: Right, and made in the driver: Spark is asked for the rows alone.
IN_THE_DRIVER = {
    "prediction": "my_prediction = 3",
    "cohort_tastes": """\
import numpy as np
import pandas as pd


def cohort_tastes(purchases, vectors):
    rows = purchases.select("cohort", "item_id").toPandas()
    found = []
    for cohort, bought in rows.groupby("cohort")["item_id"]:
        found.append((cohort, len(bought), *vectors[bought.to_numpy()].mean(axis=0)))
    names = [f"v{place}" for place in range(vectors.shape[1])]
    return pd.DataFrame(found, columns=["cohort", "purchases", *names])
""",
}
