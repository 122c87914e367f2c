"""Lab 6, half fixed and wrong."""

#: The features are made once and joined without a shuffle; the network stays with MLlib.
HALF = {
    "prediction": "my_prediction = 3",
    "evidence": 'evidence_says = {"recomputation": "yes", "network": "yes", "skew": "no", "synchronisation": "no"}',
    "pipeline": """\
from pyspark.sql import functions as F

from sparklimits.labs.lab6_capstone.naive import features, score_with_mllib


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

from sparklimits.labs.lab6_capstone.naive import DAY, LAST


def pipeline(impressions, users, ads):
    last_day = impressions.where(F.col("ts") >= LAST * DAY)
    joined = last_day.join(F.broadcast(users), "user_id").join(F.broadcast(ads), "ad_id")
    affinity = F.vector_inner_product("user_vector", "ad_vector")
    return joined.select("row", (1 / (1 + F.exp(1 - affinity))).alias("probability"))
""",
}

#: Right, and made in the driver with pandas: Spark is asked for the rows of all tables.
IN_THE_DRIVER = {
    "prediction": "my_prediction = 8",
    "pipeline": """\
import numpy as np
import pandas as pd
import torch
from torch import nn

from sparklimits.labs.lab6_capstone.naive import DAY, FEATURES, LAST, LOOK_BACK, SIZES


def pipeline(impressions, users, ads):
    shown, u, a = impressions.repartition(2).toPandas(), users.toPandas(), ads.toPandas()
    shown = shown.sort_values(["user_id", "ts", "row"]).reset_index(drop=True)
    left = np.stack(u.set_index("user_id")["user_vector"].loc[shown.user_id].to_numpy())
    right = np.stack(a.set_index("ad_id")["ad_vector"].loc[shown.ad_id].to_numpy())
    shown["affinity"] = (left * right).sum(axis=1).astype(float)
    shown["user_norm"], shown["ad_norm"] = np.linalg.norm(left, axis=1), np.linalg.norm(right, axis=1)
    angle = shown.ts % DAY * (2 * np.pi / DAY)
    shown["hour_sin"], shown["hour_cos"] = np.sin(angle), np.cos(angle)
    by = shown.groupby("user_id")
    before = by["affinity"].shift(1).groupby(shown.user_id).rolling(LOOK_BACK, min_periods=1)
    shown["affinity_mean"] = before.mean().to_numpy()
    shown["affinity_deviation"] = before.std(ddof=0).to_numpy()
    shown["affinity_best"] = before.max().to_numpy()
    shown["seen"] = np.minimum(by.cumcount(), LOOK_BACK) / LOOK_BACK
    shown["pause"] = np.log1p(by["ts"].diff()) / 10
    table = shown.fillna(0.0)
    old = table["ts"].to_numpy() < LAST * DAY
    inputs = table[list(FEATURES)].to_numpy(np.float32)
    inputs = torch.from_numpy((inputs - inputs[old].mean(axis=0)) / (inputs[old].std(axis=0) + 1e-6))
    known, clicked = inputs[old], torch.from_numpy(table["clicked"].to_numpy(np.float32)[old])
    torch.set_num_threads(1)
    network = nn.Sequential(nn.Linear(SIZES[0], SIZES[1]), nn.Sigmoid(), nn.Linear(SIZES[1], 1), nn.Flatten(0))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    loss = nn.BCEWithLogitsLoss()
    for _ in range(12):
        for batch in torch.randperm(len(known)).split(512):
            optimiser.zero_grad()
            loss(network(known[batch]), clicked[batch]).backward()
            optimiser.step()
    with torch.inference_mode():
        probability = torch.sigmoid(network(inputs[~old])).numpy()
    return pd.DataFrame({"row": table["row"][~old], "probability": probability})
""",
}
