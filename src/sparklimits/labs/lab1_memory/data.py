"""The ratings of lab 1, in the order of time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sparklimits.datasets.ratings import RatingsSpec, generate

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SPECS = {
    "main": RatingsSpec(
        ratings=55_000, users=40, items=4_000, top_users=0.04, top_items=0.12, days=200.0,
    ),
    "other": RatingsSpec(
        ratings=60_000, users=200, items=1_500, top_users=0.08, top_items=0.10, days=90.0,
    ),
}  # fmt: skip


def make_data(scale: float, seed: int, variant: str) -> pd.DataFrame:
    """Fresh ratings; ``variant`` is a key of ``SPECS``. Fewer ratings leave as many users: each has written fewer."""
    spec = SPECS[variant]
    return generate(replace(spec.scaled(max(1.0, scale)), ratings=round(scale * spec.ratings)), seed)


def load(spark: SparkSession, folder: Path) -> dict[str, Any]:
    """The inputs of the functions to write."""
    return {"ratings": spark.read.parquet(str(folder))}
