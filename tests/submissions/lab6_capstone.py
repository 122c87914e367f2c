"""Lab 6, half fixed and wrong."""

#: The features are made once and joined without a shuffle; the network stays with MLlib.
HALF = {
    "prediction": "my_prediction = 3",
    "evidence": 'evidence_says = {"recomputation": "yes", "network": "yes", "skew": "no", "synchronisation": "no"}',
    "pipeline": """\
from pyspark.sql import functions as F

from sparklimits.labs.lab6_capstone import features, score_with_mllib


def pipeline(impressions, users, ads):
    table = features(impressions, F.broadcast(users), F.broadcast(ads)).coalesce(2).persist()
    result = score_with_mllib(table).toPandas()
    table.unpersist()
    return result
""",
}

#: Fast and wrong: nothing is learned; the probability is a guess from the affinity alone.
WRONG = {
    "prediction": "my_prediction = 3",
    "pipeline": """\
from pyspark.sql import functions as F

from sparklimits.labs.lab6_capstone import DAY, LAST


def pipeline(impressions, users, ads):
    last_day = impressions.where(F.col("ts") >= LAST * DAY)
    joined = last_day.join(F.broadcast(users), "user_id").join(F.broadcast(ads), "ad_id")
    affinity = F.vector_inner_product("user_vector", "ad_vector")
    return joined.select("row", (1 / (1 + F.exp(1 - affinity))).alias("probability"))
""",
}
