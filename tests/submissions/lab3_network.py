"""Lab 3: half fixed, wrong, made in the driver, and right in other ways than the reference."""

#: Of the two tables only one is broadcast; the tastes and Kryo are left alone.
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

#: Fast and wrong: a mean of the partitions' means, and a tenth of the views.
WRONG = {
    "prediction": "my_prediction = 2",
    "cohort_tastes": """\
from pyspark.sql import functions as F


def cohort_tastes(purchases, items):
    joined = purchases.join(F.broadcast(items), "item_id").withColumn("part", F.spark_partition_id())
    parts = joined.groupBy("cohort", "part").agg(F.count("*").alias("n"), F.vector_avg("item_vector").alias("mean"))
    return parts.groupBy("cohort").agg(F.sum("n").alias("purchases"), F.vector_avg("mean").alias("taste"))
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


def cohort_tastes(purchases, items):
    vectors = np.stack(items.toPandas().sort_values("item_id")["item_vector"])
    rows = purchases.select("cohort", "item_id").toPandas()
    found = []
    for cohort, bought in rows.groupby("cohort")["item_id"]:
        found.append((cohort, len(bought), vectors[bought.to_numpy()].mean(axis=0)))
    return pd.DataFrame(found, columns=["cohort", "purchases", "taste"])
""",
}

#: Each one's `cohort_tastes`, right without being the reference: no row travels that could be added up where it is.
RIGHT = {
    "partial sums, grouped": """\
import numpy as np
import pandas as pd
from pyspark.sql import functions as F


def cohort_tastes(purchases, items):
    def sums(batches):
        total, counts = {}, {}
        for batch in batches:
            for cohort, bought in batch.groupby("cohort")["item_vector"]:
                total[cohort] = total.get(cohort, 0) + np.stack(bought).sum(axis=0, dtype="float64")
                counts[cohort] = counts.get(cohort, 0) + len(bought)
        yield pd.DataFrame({"cohort": list(total), "n": list(counts.values()), "total": list(total.values())})

    joined = purchases.join(F.broadcast(items), "item_id").select("cohort", "item_vector")
    parts = joined.mapInPandas(sums, "cohort int, n long, total array<float>")
    whole = parts.groupBy("cohort").agg(F.sum("n").alias("purchases"), F.vector_sum("total").alias("total"))
    mean = F.transform("total", lambda one: one / F.col("purchases"))
    return whole.select("cohort", "purchases", mean.alias("taste"))
""",
    "partial sums, no shuffle": """\
import numpy as np
import pandas as pd


def cohort_tastes(purchases, items):
    table = items.toPandas().sort_values("item_id")
    vectors = purchases.sparkSession.sparkContext.broadcast(np.stack(table["item_vector"]))

    def sums(batches):
        bought = pd.concat(batches)
        parts = [
            (cohort, len(some), vectors.value[some].sum(axis=0, dtype="float64"))
            for cohort, some in bought.groupby("cohort")["item_id"]
        ]
        yield pd.DataFrame(parts, columns=["cohort", "purchases", "taste"])

    parts = purchases.mapInPandas(sums, "cohort int, purchases long, taste array<double>").toPandas()
    whole = parts.groupby("cohort").agg({"purchases": "sum", "taste": "sum"})
    whole["taste"] = whole["taste"] / whole["purchases"]
    return whole.reset_index()
""",
    "reduceByKey": """\
import numpy as np
import pandas as pd


def cohort_tastes(purchases, items):
    table = items.toPandas().sort_values("item_id")
    vectors = purchases.sparkSession.sparkContext.broadcast(np.stack(table["item_vector"]))
    pairs = purchases.rdd.map(lambda row: (row.cohort, (1, vectors.value[row.item_id])))
    sums = pairs.reduceByKey(lambda one, two: (one[0] + two[0], one[1] + two[1]))
    rows = [(cohort, count, total / count) for cohort, (count, total) in sums.collect()]
    return pd.DataFrame(rows, columns=["cohort", "purchases", "taste"])
""",
    "aggregateByKey": """\
import numpy as np
import pandas as pd


def cohort_tastes(purchases, items):
    table = items.toPandas().sort_values("item_id")
    vectors = purchases.sparkSession.sparkContext.broadcast(np.stack(table["item_vector"]))
    pairs = purchases.rdd.map(lambda row: (row.cohort, row.item_id))
    sums = pairs.aggregateByKey(
        (0, 0.0),
        lambda found, item: (found[0] + 1, found[1] + vectors.value[item]),
        lambda one, two: (one[0] + two[0], one[1] + two[1]),
    )
    rows = [(cohort, count, total / count) for cohort, (count, total) in sums.collect()]
    return pd.DataFrame(rows, columns=["cohort", "purchases", "taste"])
""",
    "treeAggregate": """\
import numpy as np
import pandas as pd


def cohort_tastes(purchases, items):
    table = items.toPandas().sort_values("item_id")
    vectors = purchases.sparkSession.sparkContext.broadcast(np.stack(table["item_vector"]))

    def add(found, row):
        count, total = found.get(row.cohort, (0, 0.0))
        found[row.cohort] = (count + 1, total + vectors.value[row.item_id])
        return found

    def both(one, two):
        for cohort, (count, total) in two.items():
            before = one.get(cohort, (0, 0.0))
            one[cohort] = (before[0] + count, before[1] + total)
        return one

    found = purchases.rdd.treeAggregate({}, add, both)
    rows = [(cohort, count, total / count) for cohort, (count, total) in found.items()]
    return pd.DataFrame(rows, columns=["cohort", "purchases", "taste"])
""",
}

#: Right, and few bytes; how many marks for speed they earn is for the clock to say.
SLOW = {
    "a mean for each place": """\
from pyspark.sql import functions as F


def cohort_tastes(purchases, items):
    width = len(items.first()["item_vector"])
    means = [F.avg(F.col("item_vector")[place]) for place in range(width)]
    joined = purchases.join(F.broadcast(items), "item_id")
    return joined.groupBy("cohort").agg(F.count("*").alias("purchases"), F.array(*means).alias("taste"))
""",
    "posexplode": """\
from pyspark.sql import functions as F


def cohort_tastes(purchases, items):
    joined = purchases.join(F.broadcast(items), "item_id")
    numbers = joined.select("cohort", F.posexplode("item_vector").alias("place", "number"))
    means = numbers.groupBy("cohort", "place").agg(F.count("*").alias("n"), F.avg("number").alias("mean"))
    lists = means.groupBy("cohort").agg(
        F.first("n").alias("purchases"), F.array_sort(F.collect_list(F.struct("place", "mean"))).alias("all")
    )
    return lists.select("cohort", "purchases", F.transform("all", lambda one: one["mean"]).alias("taste"))
""",
}
