"""One day of lab 3's shop: purchases and views by cohort, and a vector for each user and each item."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from scipy import sparse

from sparklimits.datasets.parts import vectors, write_parts
from sparklimits.labs.lab3_network import kryo

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Day:
    """One day's data.

    ``items`` (items, width) and ``users`` (users, width) are the vectors, float32; the other arrays are int32 with
    one number for each purchase or view, in the order of time.
    """

    items: NDArray[np.float32]
    users: NDArray[np.float32]
    bought_cohort: NDArray[np.int32]
    bought_item: NDArray[np.int32]
    viewed_cohort: NDArray[np.int32]
    viewed_item: NDArray[np.int32]
    viewed_user: NDArray[np.int32]


@dataclass(frozen=True)
class Spec:
    """Sizes of a day at scale 1. Items, users, cohorts and the width of the vectors are the same at every scale."""

    purchases: int
    views: int
    items: int
    users: int
    cohorts: int
    width: int


SPECS = {
    "main": Spec(purchases=500_000, views=1_600_000, items=30_000, users=30_000, cohorts=300, width=128),
    # Another shape, for what only fits the first: narrower vectors, more items, fewer users, more cohorts.
    "other": Spec(purchases=250_000, views=700_000, items=36_000, users=32_000, cohorts=500, width=112),
}


def make_data(scale: float, seed: int, variant: str) -> Day:
    """A fresh day; ``variant`` is a key of ``SPECS``.

    What is bought changes over the day, and so does who buys: the mean of one part of the day is not that of
    another.

    Raises:
        ValueError: so small a scale that a cohort would stay empty.
    """
    spec = SPECS[variant]
    rng = np.random.default_rng(seed)
    items, users = (_vectors(rng, rows, spec.width) for rows in (spec.items, spec.users))
    bought = _events(rng, round(spec.purchases * scale), spec)
    viewed = _events(rng, round(spec.views * scale), spec)
    # Who is shown an item is like it, more or less.
    like = spec.users * ((viewed[1] / spec.items + 0.1 * rng.standard_normal(len(viewed[1]))) % 1)
    return Day(items, users, *bought, *viewed, like.astype(np.int32) % spec.users)


def _vectors(rng: np.random.Generator, rows: int, width: int) -> NDArray[np.float32]:
    """Vectors that change slowly from row to row, with noise."""
    phase = np.linspace(0, 7, width)
    place = 2 * np.pi * np.arange(rows)[:, None] / rows
    return (np.sin(place + phase) + 0.5 * rng.standard_normal((rows, width))).astype(np.float32)


def _events(rng: np.random.Generator, count: int, spec: Spec) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    if count < 20 * spec.cohorts:
        raise ValueError(f"{count} events for {spec.cohorts} cohorts")
    time = np.arange(count) / count
    cohort = spec.cohorts * ((0.5 * time + rng.beta(1.0, 2.0, count)) % 1)
    item = spec.items * ((0.6 * time + 0.4 * rng.random(count)) % 1)
    return cohort.astype(np.int32) % spec.cohorts, item.astype(np.int32) % spec.items


def write_data(day: Day, folder: Path) -> Path:
    """Writes Spark's tables as Parquet files, the items' vectors and the cohorts' baskets for the driver."""
    write_parts(vectors("item", day.items), folder / "items", 2)
    write_parts(vectors("user", day.users), folder / "users", 2)
    bought = {"cohort": day.bought_cohort, "item_id": day.bought_item}
    write_parts(pa.table(bought), folder / "purchases", 4)
    viewed = {"cohort": day.viewed_cohort, "user_id": day.viewed_user, "item_id": day.viewed_item}
    write_parts(pa.table(viewed), folder / "views", 4)
    np.save(folder / "vectors.npy", day.items)
    np.save(folder / "baskets.npy", baskets(day))
    return folder


def load(spark: SparkSession, folder: Path) -> dict[str, Any]:
    """The inputs: Spark's tables, the items' vectors on the driver, and the baskets of lab3_kryo."""
    tables = {
        name: spark.read.parquet(str(folder / name)) for name in ("purchases", "views", "users", "items")
    }
    arrays = {name: np.load(folder / f"{name}.npy") for name in ("vectors", "baskets")}
    return {**tables, **arrays}


def baskets(day: Day) -> NDArray[np.float64]:
    """How many items of each of ``kryo.GROUPS`` groups each cohort bought: (cohorts, groups)."""
    group = day.bought_item.astype(np.int64) * kryo.GROUPS // len(day.items)
    shape = (int(day.bought_cohort.max()) + 1, kryo.GROUPS)
    ones = np.ones(len(group))
    return sparse.coo_matrix((ones, (day.bought_cohort, group)), shape).toarray()
