"""Lab 3, network overhead: two jobs that send far more bytes than their answer needs, and one with large objects.

The data stand for one day of a shop. Its users fall into *cohorts* (a city and an age group, say). Some model has
learned a vector for each user and for each item: what they are like, in numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import sparse

from sparklimits.cluster import Constraints
from sparklimits.datasets.parts import vectors, write_parts
from sparklimits.labs import lab3_kryo
from sparklimits.labs.base import Lab, Quality, Task

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame, SparkSession

#: Largest allowed difference from the exact means (their spread is about 1).
TOLERANCE = 1e-3
#: Rows of wide arithmetic that the oracle does at once.
_CHUNK = 100_000


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
    "main": Spec(purchases=360_000, views=1_600_000, items=30_000, users=30_000, cohorts=300, width=128),
    # Another shape, for what only fits the first: narrower vectors, more items, fewer users, more cohorts.
    "other": Spec(purchases=250_000, views=700_000, items=36_000, users=32_000, cohorts=500, width=112),
}


def cohort_tastes(purchases: DataFrame, vectors: NDArray[np.float32]) -> pd.DataFrame:
    """The taste of each cohort: the mean vector of the items that it bought.

    One row for each cohort: ``cohort``, ``purchases`` (how many), and the mean as ``v0``, ``v1``, … Row *i* of
    ``vectors`` belongs to item *i*.
    """
    pairs = purchases.rdd.map(lambda row: (row.cohort, vectors[row.item_id]))
    groups = pairs.groupByKey().mapValues(list)
    means = groups.mapValues(lambda bought: (len(bought), np.mean(bought, axis=0)))
    rows = [(cohort, count, *mean) for cohort, (count, mean) in means.collect()]
    names = [f"v{place}" for place in range(vectors.shape[1])]
    return pd.DataFrame(rows, columns=["cohort", "purchases", *names])


def cohort_scores(views: DataFrame, users: DataFrame, items: DataFrame) -> DataFrame:
    """How well the views of each cohort fit: the mean of the product *user's vector · item's vector*.

    One row for each cohort: ``cohort``, ``views`` (how many), ``score``. The tables ``users`` and ``items`` hold the
    vectors.
    """
    from pyspark.sql import functions as F

    joined = views.join(users, "user_id").join(items, "item_id")
    product = F.vector_inner_product("user_vector", "item_vector")
    return joined.groupBy("cohort").agg(F.count("*").alias("views"), F.avg(product).alias("score"))


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
    """How many items of each of ``lab3_kryo.GROUPS`` groups each cohort bought: (cohorts, groups)."""
    group = day.bought_item.astype(np.int64) * lab3_kryo.GROUPS // len(day.items)
    shape = (int(day.bought_cohort.max()) + 1, lab3_kryo.GROUPS)
    ones = np.ones(len(group))
    return sparse.coo_matrix((ones, (day.bought_cohort, group)), shape).toarray()


def exact_tastes(day: Day) -> pd.DataFrame:
    """What ``cohort_tastes`` must give: a product of matrices in double precision; a row a cohort, sorted."""
    cohorts, counts = np.unique(day.bought_cohort, return_counts=True)
    ones = np.ones(len(day.bought_item))
    often = sparse.csr_matrix((ones, (day.bought_cohort, day.bought_item)), (cohorts[-1] + 1, len(day.items)))
    sums = often @ day.items.astype(np.float64)
    means = pd.DataFrame(sums[cohorts] / counts[:, None]).add_prefix("v")
    return pd.concat([pd.DataFrame({"cohort": cohorts, "purchases": counts}), means], axis=1)


def exact_scores(day: Day) -> pd.DataFrame:
    """What ``cohort_scores`` must give, by sums in double precision; one row for each cohort, sorted."""
    score = np.empty(len(day.viewed_item))
    for start in range(0, len(score), _CHUNK):
        part = slice(start, start + _CHUNK)
        pair = day.users[day.viewed_user[part]], day.items[day.viewed_item[part]]
        score[part] = np.einsum("ij,ij->i", *pair, dtype=np.float64)
    cohorts, counts = np.unique(day.viewed_cohort, return_counts=True)
    sums = np.bincount(day.viewed_cohort, score)[cohorts]
    return pd.DataFrame({"cohort": cohorts, "views": counts, "score": sums / counts})


def check(results: Mapping[str, pd.DataFrame], day: Day) -> Quality:
    """Compares the results with the same quantities computed by NumPy and SciPy on the driver."""
    values: dict[str, float] = {}
    broken: list[str] = []
    for name, exact in (("cohort_tastes", exact_tastes), ("cohort_scores", exact_scores)):
        if (found := results.get(name)) is not None:
            _compare(name, found, exact(day), values, broken)
    if (found := results.get("kryo_settings")) is not None:
        broken += lab3_kryo.differences(found, baskets(day))
    return Quality(values, tuple(broken))


def _compare(
    name: str, found: pd.DataFrame, exact: pd.DataFrame, values: dict[str, float], broken: list[str]
) -> None:
    if missing := [column for column in exact.columns if column not in found.columns]:
        broken.append(
            f"{name}: the result has no column {missing[0]} (it has {', '.join(map(str, found.columns[:9]))})"
        )
        return
    found = found[list(exact.columns)].apply(pd.to_numeric, errors="coerce")
    found = found.sort_values("cohort").reset_index(drop=True)
    if not found["cohort"].equals(exact["cohort"].astype(found["cohort"].dtype)):
        broken.append(
            f"{name}: {len(exact)} cohorts must have one row each; the result has {len(found)} rows"
        )
        return
    count, *means = exact.columns[1:]
    if wrong := int((found[count] != exact[count]).sum()):
        broken.append(f"{name}: {count} is wrong for {wrong} of {len(exact)} cohorts")
    # The largest difference; what is not a number differs without limit.
    apart = (found[means] - exact[means]).abs().fillna(np.inf).to_numpy().max()
    values[f"{name}_error"] = float(f"{apart:.3g}")
    if apart > TOLERANCE:
        what = means[0] if len(means) == 1 else f"{means[0]} … {means[-1]}"
        broken.append(f"{name}: {what} is off by up to {apart:.2g}; {TOLERANCE:g} is allowed")


LAB = Lab(
    id="lab3_network",
    limitation="network overhead",
    fix="combining before the shuffle, broadcast, Kryo",
    explains="shuffle_bytes",
    constraints=Constraints(),
    tasks=(
        Task(
            "cohort_tastes",
            cohort_tastes,
            ("purchases", "vectors"),
            "shuffle_bytes",
            good=5e6,
            bad=1e8,
            grows=True,
            needs="shuffle_records",
        ),
        Task(
            "cohort_scores",
            cohort_scores,
            ("views", "users", "items"),
            "shuffle_bytes",
            good=5e6,
            bad=3e8,
            grows=True,
            needs="shuffle_records",
        ),
        Task(
            "kryo_settings",
            lab3_kryo.kryo_settings,
            (),
            "object_bytes",
            good=lab3_kryo.GOOD,
            bad=lab3_kryo.BAD,
            needs="object_bytes",
            timed=False,
            drive=lab3_kryo.similar_groups_under,
        ),
    ),
    gain=2.7,
    make_data=make_data,
    write_data=write_data,
    load=load,
    check=check,
    variants=("main", "other"),
    shown=("shuffle_bytes", "remote_bytes"),
)
