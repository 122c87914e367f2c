"""The ratings of lab 2: one item that nearly every user rates, one account that rates half of the items."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sparklimits.datasets.ratings import RatingsSpec, generate

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

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


def make_data(scale: float, seed: int, variant: str) -> pd.DataFrame:
    """Fresh ratings; ``variant`` is a key of ``SPECS``."""
    return generate(SPECS[variant].scaled(scale), seed)


def from_movielens(ratings: pd.DataFrame, seed: int) -> pd.DataFrame:
    """A fresh data set out of the real one: a random 98 % of its ratings, in random order."""
    return ratings.sample(frac=0.98, random_state=seed)


def load(spark: SparkSession, folder: Path) -> dict[str, Any]:
    """The inputs of the functions to write."""
    return {"ratings": spark.read.parquet(str(folder))}
