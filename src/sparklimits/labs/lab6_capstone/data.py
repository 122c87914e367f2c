"""Six days of lab 6's shop that shows ads: impressions, a vector for each user and each ad, and the hidden truth."""

from __future__ import annotations

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

from sparklimits.datasets.parts import vectors, write_parts
from sparklimits.labs.lab6_capstone.naive import DAY, FEATURES, ITERATIONS, LAST, LOOK_BACK, SIZES
from sparklimits.labs.oracles import fit_lbfgs, mlp_probabilities, scores

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


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
#: On a smaller share two networks that are trained alike differ by as much as the rule of quality allows.
LEAST = 0.8


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


def make_data(scale: float, seed: int, variant: str) -> Days:
    """Fresh impressions and vectors; ``variant`` is a key of ``SPECS``.

    A smaller scale leaves :data:`LEAST` of the impressions all the same.
    """
    spec = SPECS[variant]
    count = round(max(LEAST, scale) * spec.impressions)
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
    logit = _logit(days.exact, np.random.default_rng([seed, 0x7512]))
    bias = brentq(lambda bias: float(expit(bias + logit).mean()) - spec.rate, -30, 30)
    clicked = (rng.random(count) < expit(bias + logit)).astype(np.int32)
    return replace(days, impressions=table.assign(clicked=clicked))


def _logit(table: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """The hidden truth: what fits is clicked, less so at some time of the day, and less when better ones were seen.

    Which time that is, and whether long vectors of users and of ads mean more clicks or fewer, is drawn for each data
    set: what a network learned of another one is wrong about it.
    """
    one = dict(zip(FEATURES, table.T, strict=True))
    fit = one["affinity"]
    better = np.maximum(0.0, one["affinity_best"] - fit)
    turn = rng.uniform(0, 2 * np.pi)
    hour = one["hour_sin"] * np.cos(turn) + one["hour_cos"] * np.sin(turn)
    norms = sum(
        sign * (one[name] - one[name].mean()) / one[name].std()
        for sign, name in zip(rng.choice([-0.4, 0.4], size=2), ("user_norm", "ad_norm"), strict=True)
    )
    return 1.6 * np.tanh(1.5 * fit) + 0.8 * fit * hour - 2.0 * better - 0.5 * one["seen"] + norms


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


def write_data(days: Days, folder: Path) -> Path:
    """Writes Spark's tables as Parquet files under the new folder, and returns it."""
    write_parts(vectors("user", days.users), folder / "users", 4)
    write_parts(vectors("ad", days.ads), folder / "ads", 4)
    write_parts(pa.Table.from_pandas(days.impressions, preserve_index=False), folder / "impressions", 4)
    return folder


def load(spark: SparkSession, folder: Path) -> dict[str, Any]:
    """The inputs of the pipeline."""
    return {name: spark.read.parquet(str(folder / name)) for name in ("impressions", "users", "ads")}
