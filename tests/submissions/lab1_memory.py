"""Lab 1, half fixed and wrong."""

#: One of the two jobs fixed, and only half: the table is kept, but in the two hundred partitions that Spark planned.
HALF = {
    "prediction": "my_prediction = 3",
    "compare_models": """\
import pandas as pd
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import LinearRegression
from pyspark.sql import functions as F

from sparklimits.labs.lab1_memory.naive import FEATURES, PENALTIES, features


def compare_models(ratings):
    table = VectorAssembler(inputCols=list(FEATURES), outputCol="features").transform(features(ratings)).persist()
    train, test = table.where(F.col("ts") % 5 != 0), table.where(F.col("ts") % 5 == 0)
    evaluator = RegressionEvaluator(labelCol="rating")
    rows = []
    for penalty in PENALTIES:
        model = LinearRegression(labelCol="rating", regParam=penalty, solver="normal").fit(train)
        rows.append((penalty, evaluator.evaluate(model.transform(test))))
    table.unpersist()
    return pd.DataFrame(rows, columns=["penalty", "rmse"])
""",
}

#: Fast and wrong: features of a sample, kept for ever; a history that is not cut at its user.
WRONG = {
    "prediction": "my_prediction = 3",
    "compare_models": """\
import pandas as pd
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import LinearRegression
from pyspark.sql import functions as F

from sparklimits.labs.lab1_memory.naive import FEATURES, PENALTIES, features


def compare_models(ratings):
    some = features(ratings.where(F.col("user_id") % 4 == 0))
    table = VectorAssembler(inputCols=list(FEATURES), outputCol="features").transform(some).persist()
    train, test = table.where(F.col("ts") % 5 != 0), table.where(F.col("ts") % 5 == 0)
    evaluator = RegressionEvaluator(labelCol="rating")
    rows = []
    for penalty in PENALTIES:
        model = LinearRegression(labelCol="rating", regParam=penalty, solver="normal").fit(train)
        rows.append((penalty, evaluator.evaluate(model.transform(test))))
    return pd.DataFrame(rows, columns=["penalty", "rmse"])
""",
    "training_examples": """\
from pyspark.sql import Window
from pyspark.sql import functions as F


def training_examples(ratings):
    before = Window.partitionBy("user_id").orderBy("ts", "item_id").rowsBetween(-20, -1)
    history = F.collect_list("item_id").over(before).alias("history")
    return ratings.repartition(8, "user_id").select("user_id", "item_id", "ts", history).sortWithinPartitions("ts")
""",
}

#: Right in another way, as industry does it: the features become a Parquet file, which the loop reads.
OTHER_RIGHT = {
    "prediction": "my_prediction = 3",
    "compare_models": """\
import tempfile

import pandas as pd
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import LinearRegression
from pyspark.sql import functions as F

from sparklimits.labs.lab1_memory.naive import FEATURES, PENALTIES, features


def compare_models(ratings):
    spark = ratings.sparkSession
    slots = spark.sparkContext.defaultParallelism
    with tempfile.TemporaryDirectory() as folder:
        wide = features(ratings).select("rating", "ts", *FEATURES).coalesce(slots)
        wide.write.parquet(f"{folder}/features")
        kept = spark.read.parquet(f"{folder}/features")
        table = VectorAssembler(inputCols=list(FEATURES), outputCol="features").transform(kept)
        train, test = table.where(F.col("ts") % 5 != 0), table.where(F.col("ts") % 5 == 0)
        evaluator = RegressionEvaluator(labelCol="rating")
        rows = []
        for penalty in PENALTIES:
            model = LinearRegression(labelCol="rating", regParam=penalty, solver="normal").fit(train)
            rows.append((penalty, evaluator.evaluate(model.transform(test))))
    return pd.DataFrame(rows, columns=["penalty", "rmse"])
""",
}

#: Right, and made in the driver, which reads the files past Spark; the executors are given something to shuffle.
IN_THE_DRIVER = {
    "prediction": "my_prediction = 4",
    "compare_models": """\
import pandas as pd

from sparklimits.labs.lab1_memory.naive import PENALTIES
from sparklimits.labs.lab1_memory.oracle import exact_errors


def compare_models(ratings):
    table = pd.concat([pd.read_parquet(file) for file in sorted(ratings.inputFiles())])
    ratings.repartition(2).count()
    return pd.DataFrame({"penalty": PENALTIES, "rmse": exact_errors(table)})
""",
}
