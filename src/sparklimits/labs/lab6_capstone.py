"""Lab 6, the capstone: one click-through pipeline that suffers from all five limits.

The data are six days of a shop that shows ads. Each *impression* is one ad that one user saw, and whether he clicked.
Visitors who have not logged in all share one number. Another model has learned a vector for each user and each ad.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from sparklimits.cluster import Constraints
from sparklimits.datasets.parts import vectors, write_parts
from sparklimits.labs.base import Lab, Quality, Task
from sparklimits.labs.lab5_data import fit_lbfgs, mlp_probabilities, scores

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

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
#: How much worse than that of an independent network the AUC and the log loss (nats) may be: more than a
#: history in slices of three hours costs, and less than no history does.
TOLERANCE = 0.025


@dataclass(frozen=True)
class Spec:
    """Sizes at scale 1. The tables of users and ads, and the width of the vectors, are the same at every scale.

    ``anonymous`` is the share of the impressions whose user is 0.
    """

    impressions: int
    users: int = 24_000
    ads: int = 24_000
    width: int = 128
    anonymous: float = 0.35
    rate: float = 0.25


SPECS = {
    "main": Spec(impressions=18_000),
    # Another truth: more who have logged in, more clicks, other sizes.
    "other": Spec(impressions=17_000, users=28_000, ads=22_000, width=120, anonymous=0.25, rate=0.35),
}


@dataclass(frozen=True)
class Days:
    """The impressions (``row``, ``user_id``, ``ad_id``, ``ts``, ``clicked``), and the vectors, float32, by number."""

    impressions: pd.DataFrame
    users: NDArray[np.float32]
    ads: NDArray[np.float32]

    @cached_property
    def exact(self) -> NDArray[np.float64]:
        """The features of each impression, by NumPy and pandas: (impressions, features)."""
        return exact_features(self)

    @cached_property
    def target(self) -> tuple[float, float]:
        """Log loss and AUC on the last day of an independent network, trained by L-BFGS as long as MLlib's."""
        table = self.impressions
        old = (table["ts"] < LAST * DAY).to_numpy()
        labels = table["clicked"].to_numpy(np.float64)
        inputs = self.exact.astype(np.float32)
        weights = fit_lbfgs(inputs[old], labels[old], SIZES, ITERATIONS)
        return scores(mlp_probabilities(weights, inputs[~old], SIZES), labels[~old])


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


def make_data(scale: float, seed: int, variant: str) -> Days:
    """Fresh impressions and vectors; ``variant`` is a key of ``SPECS``.

    Raises:
        ValueError: fewer than 1,000 impressions are left.
    """
    spec = SPECS[variant]
    count = round(scale * spec.impressions)
    if count < 1_000:
        raise ValueError(f"{count} impressions are too few")
    rng = np.random.default_rng(seed)
    # So the product of two vectors is about one, whatever their width: a network learns slowly from large numbers.
    unit = spec.width**-0.25
    users, ads = (
        (unit * rng.standard_normal((rows, spec.width)) * rng.uniform(0.5, 1.5, (rows, 1))).astype(np.float32)
        for rows in (spec.users, spec.ads)
    )
    users[0] = 0.3 * unit * rng.standard_normal(spec.width)
    user = rng.integers(1, spec.users // 20, count)  # most accounts come seldom, and these are there today
    user = np.where(rng.random(count) < spec.anonymous, 0, user)
    table = pd.DataFrame(
        {
            "row": np.arange(count, dtype=np.int64),
            "user_id": user.astype(np.int32),
            "ad_id": rng.integers(0, spec.ads, count).astype(np.int32),
            "ts": np.sort(rng.integers(0, (LAST + 1) * DAY, count)),
        }
    )
    days = Days(table.assign(clicked=0), users, ads)
    logit = _logit(days.exact)
    bias = brentq(lambda bias: float(expit(bias + logit).mean()) - spec.rate, -30, 30)
    clicked = (rng.random(count) < expit(bias + logit)).astype(np.int32)
    return replace(days, impressions=table.assign(clicked=clicked))


def _logit(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """The hidden truth: what fits is clicked, less so late in the day, and less when better ones were seen before."""
    one = dict(zip(FEATURES, table.T, strict=True))
    fit = one["affinity"]
    better = np.maximum(0.0, one["affinity_best"] - fit)
    return 1.6 * np.tanh(1.5 * fit) + 0.8 * fit * one["hour_sin"] - 2.0 * better - 0.5 * one["seen"]


def exact_features(days: Days) -> NDArray[np.float64]:
    """What ``features`` must give, from the definition, in the order of the rows."""
    table = days.impressions
    user, ad = (vectors.astype(np.float64) for vectors in (days.users, days.ads))
    pair = user[table["user_id"]], ad[table["ad_id"]]
    angle = (table["ts"] % DAY).to_numpy() * (2 * np.pi / DAY)
    fits = pd.DataFrame({"user_id": table["user_id"], "ts": table["ts"]})
    fits["affinity"] = np.einsum("ij,ij->i", *pair)
    ordered = fits.sort_values(["user_id", "ts"], kind="stable")  # rows are in the order of time
    groups = ordered.groupby("user_id")
    earlier = ordered.assign(earlier=groups["affinity"].shift())
    rolling = earlier.groupby("user_id")["earlier"].rolling(LOOK_BACK, min_periods=1)
    seen = np.minimum(groups.cumcount(), LOOK_BACK) / LOOK_BACK
    history = pd.DataFrame(
        {
            "seen": seen,
            "pause": np.log1p(groups["ts"].diff()) / 10,
            "affinity_mean": rolling.mean().droplevel(0),
            "affinity_deviation": rolling.std(ddof=0).droplevel(0),
            "affinity_best": rolling.max().droplevel(0),
        }
    ).reindex(table.index)
    now = np.column_stack(
        [
            fits["affinity"], np.linalg.norm(pair[0], axis=1), np.linalg.norm(pair[1], axis=1),
            np.sin(angle), np.cos(angle),
        ]
    )  # fmt: skip
    return np.nan_to_num(np.column_stack([now, history]))


def bars(days: Days) -> dict[str, tuple[float, float]]:
    """Values of the further counters that are graded: those of full marks, and of none."""
    impressions = len(days.impressions)
    rows = impressions + len(days.users) + len(days.ads)
    return {
        "input_records": (1.5 * rows, 4.0 * rows),
        "shuffle_bytes": (200.0 * impressions, 1500.0 * impressions),
    }


def write_data(days: Days, folder: Path) -> Path:
    """Writes Spark's tables as Parquet files under the new folder, and returns it."""
    write_parts(vectors("user", days.users), folder / "users", 4)
    write_parts(vectors("ad", days.ads), folder / "ads", 4)
    write_parts(pa.Table.from_pandas(days.impressions, preserve_index=False), folder / "impressions", 4)
    return folder


def load(spark: SparkSession, folder: Path) -> dict[str, Any]:
    """The inputs of the pipeline."""
    return {name: spark.read.parquet(str(folder / name)) for name in ("impressions", "users", "ads")}


def check(results: Mapping[str, pd.DataFrame], days: Days) -> Quality:
    """Compares AUC and log loss of the last day with those of an independent network on the same impressions."""
    if (found := results.get("pipeline")) is None:
        return Quality({})
    if missing := {"row", "probability"} - set(found.columns):
        return Quality({}, (f"pipeline: the result has no column {', '.join(sorted(missing))}",))
    wanted = days.impressions[days.impressions["ts"] >= LAST * DAY]
    found = found.sort_values("row", ignore_index=True)
    if not np.array_equal(found["row"].to_numpy(), wanted["row"].to_numpy()):
        reason = f"each of the {len(wanted):,} impressions of the last day must come once; {len(found):,} rows came"
        return Quality({}, (f"pipeline: {reason}",))
    probability = pd.to_numeric(found["probability"], errors="coerce").to_numpy(np.float64)
    if not ((probability >= 0) & (probability <= 1)).all():
        return Quality({}, ("pipeline: a probability is not between 0 and 1",))
    loss, auc = scores(probability, wanted["clicked"].to_numpy(np.float64))
    target, target_auc = days.target
    values = {
        "auc": round(auc, 4), "target_auc": round(target_auc, 4),
        "log_loss": round(loss, 4), "target_log_loss": round(target, 4),
    }  # fmt: skip
    broken = []
    if not auc >= target_auc - TOLERANCE:
        broken.append(
            f"pipeline: the AUC of the last day is {auc:.4f}; {target_auc:.4f} less {TOLERANCE} is allowed"
        )
    if not loss <= target + TOLERANCE:
        broken.append(
            f"pipeline: the log loss of the last day is {loss:.4f}; {target:.4f} and {TOLERANCE} more is allowed"
        )
    return Quality(values, tuple(broken))


LAB = Lab(
    id="lab6_capstone",
    limitation="all five",
    fix="evidence first, then the fixes of labs 1 to 5",
    explains="jobs",
    constraints=Constraints(
        settings={
            "spark.sql.shuffle.partitions": "4",
            "spark.sql.adaptive.coalescePartitions.enabled": "false",
        },
        reasons={
            "spark.sql.shuffle.partitions": "4 instead of 200: few enough to see each one in a picture",
            "spark.sql.adaptive.coalescePartitions.enabled": (
                "off instead of on: it would join the light partitions to the size of the heavy one, which hides the "
                "skew on two slots and would not on two hundred"
            ),
        },
    ),
    tasks=(
        Task(
            "pipeline",
            pipeline,
            ("impressions", "users", "ads"),
            "jobs",
            good=10,
            bad=60,
        ),
    ),
    gain=9.0,
    make_data=make_data,
    write_data=write_data,
    load=load,
    check=check,
    variants=("main", "other"),
    shown=("jobs", "input_records", "shuffle_bytes", "straggler_ratio"),
    # On less, two networks that are trained alike differ by as much as the rule of quality allows.
    warm_up=0.8,
)
