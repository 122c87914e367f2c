"""Lab 2, data skew: two jobs on ratings in which one hot key holds up everybody.

The data stand for twenty days of a shop. One *item* is shown to every new user, so most users have rated it;
one *account* is shared by everybody who stands at the shop's terminal, so it has rated half the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from sparklimits.cluster import Constraints
from sparklimits.datasets.ratings import RatingsSpec, generate, write_parquet
from sparklimits.labs.base import Lab, Quality, Task

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: Seconds that a trend looks back.
WINDOW = 3600
#: Pairs of items count when at least this many users rated both.
SUPPORT = 20
#: Largest allowed error of the pair counts, as a share of all counts of twice the support or more.
MAX_ERROR = 0.05

SPECS = {
    "main": RatingsSpec(
        ratings=60_000, users=40_000, items=6_000, top_users=0.18, top_items=0.30,
        hot_users=(0.62,), hot_items=(0.9,), days=20.0,
    ),
    # Another skew, for what only fits the first: two hot accounts, two hot items, many heavy users.
    "other": RatingsSpec(
        ratings=70_000, users=30_000, items=5_000, top_users=0.15, top_items=0.35,
        hot_users=(0.5, 0.4), hot_items=(0.8, 0.6), days=15.0,
    ),
}  # fmt: skip


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


def make_data(scale: float, seed: int, variant: str) -> pd.DataFrame:
    """Fresh ratings; ``variant`` is a key of ``SPECS``."""
    return generate(SPECS[variant].scaled(scale), seed)


def from_movielens(ratings: pd.DataFrame, seed: int) -> pd.DataFrame:
    """A fresh data set out of the real one: a random 98 % of its ratings, in random order."""
    return ratings.sample(frac=0.98, random_state=seed)


def load(spark: SparkSession, folder: Path) -> dict[str, Any]:
    """The inputs of the functions to write."""
    return {"ratings": spark.read.parquet(str(folder))}


def check(results: Mapping[str, pd.DataFrame], ratings: pd.DataFrame) -> Quality:
    """Compares both results with the same quantities computed by NumPy and SciPy on the driver."""
    values: dict[str, float] = {}
    broken: list[str] = []
    if (trends := results.get("item_trends")) is not None:
        trends = _numbers("item_trends", trends, ("item_id", "ratings", "peak", "spread"), broken)
        if not broken:
            _check_trends(trends, exact_trends(ratings), values, broken)
    if (pairs := results.get("item_pairs")) is not None:
        before = len(broken)
        pairs = _numbers("item_pairs", pairs, ("item_a", "item_b", "users"), broken)
        if len(broken) == before:
            _check_pairs(pairs, ratings, values, broken)
    return Quality(values, tuple(broken))


def exact_trends(ratings: pd.DataFrame) -> pd.DataFrame:
    """What ``item_trends`` must give, from sorted arrays and running sums; one row for each item, sorted."""
    table = ratings.sort_values(["item_id", "ts"], kind="stable")
    item = table["item_id"].to_numpy(np.int64)
    start = table["ts"].min()
    span = int(table["ts"].max() - start) + WINDOW + 1
    # One increasing key for (item, time): the rows of another item are always out of the window's reach.
    key = item * span + (table["ts"].to_numpy() - start)
    left = np.searchsorted(key, np.maximum(key - WINDOW, item * span), side="left")
    right = np.searchsorted(key, key, side="left")
    rating = table["rating"].to_numpy(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(rating)])
    squares = np.concatenate([[0.0], np.cumsum(rating**2)])
    count = right - left
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (sums[right] - sums[left]) / count
        variance = (squares[right] - squares[left]) / count - mean**2
    # Halves are exact in binary, so the sums are; only the subtraction can leave a tiny negative.
    deviation = np.where(count > 0, np.sqrt(np.maximum(variance, 0.0)), np.nan)
    frame = pd.DataFrame({"item_id": item, "recent": count, "deviation": deviation})
    return (
        frame.groupby("item_id")
        .agg(ratings=("recent", "size"), peak=("recent", "max"), spread=("deviation", "mean"))
        .reset_index()
    )


def exact_pairs(ratings: pd.DataFrame, support: int) -> pd.DataFrame:
    """All pairs of items that at least ``support`` users rated: ``item_a``, ``item_b``, ``users``.

    The product of the users-by-items matrix with itself, over the items that have enough ratings to matter.
    """
    counts = ratings["item_id"].value_counts()
    known = np.sort(counts.index[counts >= support].to_numpy())
    kept = ratings[ratings["item_id"].isin(known)]
    user = pd.factorize(kept["user_id"])[0]
    item = np.searchsorted(known, kept["item_id"].to_numpy())
    matrix = sparse.csr_matrix(
        (np.ones(len(kept), np.int32), (user, item)), shape=(kept["user_id"].nunique(), len(known))
    )
    together = sparse.triu(matrix.T @ matrix, k=1).tocoo()
    enough = together.data >= support
    return pd.DataFrame(
        {
            "item_a": known[together.row[enough]],
            "item_b": known[together.col[enough]],
            "users": together.data[enough],
        }
    )


def _numbers(name: str, table: pd.DataFrame, wanted: tuple[str, ...], broken: list[str]) -> pd.DataFrame:
    """The wanted columns as numbers; says in ``broken`` where one is missing or holds something else."""
    missing = [column for column in wanted if column not in table.columns]
    if missing:
        broken.append(
            f"{name}: the result has no column {', '.join(missing)} (it has {', '.join(table.columns)})"
        )
        return table
    numbers = {column: pd.to_numeric(table[column], errors="coerce") for column in wanted}
    for column, values in numbers.items():
        if (values.isna() & table[column].notna()).any():
            broken.append(f"{name}: column {column} holds something that is not a number")
    return pd.DataFrame(numbers)


def _check_trends(
    found: pd.DataFrame, exact: pd.DataFrame, values: dict[str, float], broken: list[str]
) -> None:
    if found["item_id"].duplicated().any():
        broken.append("item_trends: an item has more than one row")
        return
    both = exact.merge(found, on="item_id", how="outer", suffixes=("", "_found"), indicator=True)
    missing = int((both["_merge"] != "both").sum())
    wrong_counts = int(
        ((both["ratings"] != both["ratings_found"]) | (both["peak"] != both["peak_found"]))[
            both["_merge"] == "both"
        ].sum()
    )
    apart = (both["spread"] - both["spread_found"].astype(float)).abs().fillna(0.0)
    one_empty = both["spread"].isna() != both["spread_found"].isna()
    wrong_spread = int(((apart > 1e-6) | one_empty)[both["_merge"] == "both"].sum())
    wrong = missing + max(wrong_counts, wrong_spread)
    values["trend_items_wrong"] = float(wrong)
    if missing:
        broken.append(f"item_trends: {missing} items are missing or too many")
    if wrong_counts:
        broken.append(f"item_trends: ratings or peak is wrong for {wrong_counts} of {len(exact)} items")
    if wrong_spread:
        broken.append(f"item_trends: spread is wrong for {wrong_spread} of {len(exact)} items")


def _check_pairs(
    found: pd.DataFrame, ratings: pd.DataFrame, values: dict[str, float], broken: list[str]
) -> None:
    keys = ["item_a", "item_b"]
    if found.duplicated(keys).any() or (found["item_a"] >= found["item_b"]).any():
        broken.append("item_pairs: a pair stands twice, or item_a is not smaller than item_b")
        return
    floor = 2 * SUPPORT
    exact = exact_pairs(ratings, SUPPORT)
    both = exact.merge(found[[*keys, "users"]], on=keys, how="outer", suffixes=("", "_found")).fillna(0)
    # Near the support a pair may drop in or out by chance; the rule looks at pairs well above it.
    solid = both[(both["users"] >= floor) | (both["users_found"] >= floor)]
    total = float(solid["users"].sum())
    error = float((solid["users"] - solid["users_found"]).abs().sum()) / max(total, 1.0)
    values["pair_error"] = round(error, 5)
    if error > MAX_ERROR:
        broken.append(
            f"item_pairs: the counts are off by {error:.1%} of their sum; {MAX_ERROR:.0%} is allowed"
        )


LAB = Lab(
    id="lab2_skew",
    limitation="data skew",
    fix="time slices, sampled baskets, repartitioning",
    explains="straggler_ratio",
    constraints=Constraints(
        settings={
            "spark.sql.shuffle.partitions": "16",
            "spark.sql.adaptive.coalescePartitions.enabled": "false",
        },
        reasons={
            "spark.sql.shuffle.partitions": "16 instead of 200: few enough to see each one in a picture",
            "spark.sql.adaptive.coalescePartitions.enabled": (
                "off instead of on: it would join the light partitions to the size of the heavy one, which "
                "hides the skew on two slots and would not on two hundred"
            ),
        },
    ),
    tasks=(
        Task(
            "item_trends",
            item_trends,
            ("ratings",),
            "straggler_ratio",
            good=1.5,
            bad=6.0,
            needs="shuffle_records",
        ),
        Task(
            "item_pairs",
            item_pairs,
            ("ratings",),
            "straggler_ratio",
            good=1.5,
            bad=8.0,
            needs="shuffle_records",
        ),
    ),
    gain=3.0,
    make_data=make_data,
    write_data=write_parquet,
    load=load,
    check=check,
    variants=("main", "other"),
    shown=("straggler_ratio", "memory_spilled_bytes"),
    from_movielens=from_movielens,
)
