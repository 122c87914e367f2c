"""The clicks of lab 4: two shards to train on, held-out clicks, the loss to reach, and the check of a result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import xlogy

from sparklimits.datasets.clicks import (
    LABEL,
    NUMBERS,
    ClicksSpec,
    best_logloss,
    generate,
    hashed,
    probabilities,
)
from sparklimits.labs.lab4_synchronisation.training import shards
from sparklimits.labs.lab4_synchronisation.training.fm import Batch, Table, new_table
from sparklimits.labs.lab4_synchronisation.training.ring import Numbers
from sparklimits.labs.lab4_synchronisation.training.rounds import Goal
from sparklimits.labs.lab4_synchronisation.training.shards import Shard

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
from sparklimits.measurement.lab import Quality

#: Rows of the table for categories; there are about as many values of all categories together.
BUCKETS = 65_536
ROWS = BUCKETS + len(NUMBERS) + 1
#: Factors of each feature.
RANK = 8
WORKERS = 2
#: Batches in a shard.
BATCHES = 40
#: Steps of the synchronous training that sets the target.
STEPS = 56
#: The target's share of the way from the constant guess to the loss after those steps.
SHARE = 0.96
HELD_OUT = 10_000
#: Workers in the ring that is to add up, and the numbers of each: so many that no ring cuts them into equal pieces.
RING, NUMBERS_EACH = 8, 50_021
#: A feature that every click has moves by this times its gradient. With twice as much the training is no longer
#: stable when changes are computed from a table that lacks two others.
RATE = 0.5

#: For each variant: what is generated, in which world, and which column is the site that shows the impression.
SPECS = {
    "main": (ClicksSpec(rows=120_000), 0, "c5"),
    # Another truth, other values, fewer clicks among the impressions.
    "other": (ClicksSpec(rows=130_000, rate=0.2, exponent=1.0, weights=1.1), 1, "c8"),
}


@dataclass(frozen=True)
class ClickData:
    """One data set. ``constant`` is the loss of the best constant guess, ``best`` that of the true probabilities.

    ``target`` is the loss to reach, all three on ``held_out``; ``start`` the table that every training starts from.
    ``parts`` are the numbers that a ring is to add up, a row for each worker.
    """

    train: tuple[Batch, ...]
    held_out: Batch
    start: Table
    target: float
    constant: float
    best: float
    parts: Numbers


def make_data(scale: float, seed: int, variant: str) -> ClickData:
    """Fresh clicks; ``variant`` is a key of ``SPECS``. The number of held-out clicks does not follow the scale.

    Raises:
        ValueError: a batch would have fewer than 50 clicks.
    """
    spec, world, site = SPECS[variant]
    spec = spec.scaled(scale)
    if spec.rows < 50 * WORKERS * BATCHES:
        raise ValueError(f"{spec.rows} clicks are too few for {WORKERS} times {BATCHES} batches")
    clicks = generate(spec, seed, world)
    everything = _as_batch(clicks, seed)
    # Each worker holds the clicks of other sites, as machines do that stand where the clicks are made: one has the
    # sites where people click often, the other those where they click seldom.
    often = clicks.groupby(site, observed=True)[LABEL].mean()
    order = np.argsort(clicks[site].map(often).astype(np.float64).to_numpy(), kind="stable")
    mixed = np.random.default_rng([seed, 0x50FF])
    train = tuple(everything.part(mixed.permutation(part)) for part in np.array_split(order, WORKERS))
    fresh = generate(replace(spec, rows=HELD_OUT), seed + 1, world)
    held_out = replace(_as_batch(fresh, seed), rates=everything.rates)
    rate = float(fresh[LABEL].mean())
    constant = float(-xlogy(rate, rate) - xlogy(1 - rate, 1 - rate))
    start = new_table(ROWS, RANK, seed)
    reached = held_out.loss(synchronous(train, start, STEPS))
    return ClickData(
        train, held_out, start, constant - SHARE * (constant - reached), constant,
        best_logloss(probabilities(fresh, spec, world)),
        np.random.default_rng([seed, 0x41B6]).normal(size=(RING, NUMBERS_EACH)).astype(np.float32),
    )  # fmt: skip


def synchronous(train: tuple[Batch, ...], table: Table, steps: int) -> Table:
    """The table after so many steps of synchronous training, here in this process."""
    for step in range(steps):
        table = table + np.mean([batch.piece(step, BATCHES).change(table) for batch in train], axis=0)
    return table


def write_data(data: ClickData, folder: Path) -> Path:
    """Writes the shards, the held-out clicks and the rest under the new folder, and returns it."""
    shards.write([*data.train, data.held_out], folder)
    np.save(folder / "start.npy", data.start)
    np.save(folder / "target.npy", data.target)
    np.save(folder / "parts.npy", data.parts)
    return folder


def read_data(folder: Path) -> tuple[list[Shard], Batch, Table, float]:
    """The shards to train on, the held-out clicks, the table to start from, and the loss to reach."""
    found = [Shard(folder / f"shard-{number}", number, BATCHES) for number in range(WORKERS)]
    held_out = Shard(folder / f"shard-{WORKERS}", WORKERS, 1).batch(0)
    return found, held_out, np.load(folder / "start.npy"), float(np.load(folder / "target.npy"))


def load(spark: SparkSession, folder: Path) -> dict[str, Any]:
    """The shards as an RDD with one for each executor, the table to start from, the goal, and a ring's numbers."""
    found, held_out, start, target = read_data(folder)
    return {
        "shards": spark.sparkContext.parallelize(found, len(found)),
        "start": start,
        "goal": Goal(held_out, target),
        "parts": np.load(folder / "parts.npy"),
    }


def check_round(found: pd.DataFrame, data: ClickData) -> Quality:
    """The held-out loss of the parameters that the rounds led to, against the target."""
    return _compared("train_round", found, data)


def check_worker(found: pd.DataFrame, data: ClickData) -> Quality:
    """The held-out loss of the server's parameters, against the target."""
    return _compared("worker", found, data)


def check_all_reduce(found: pd.DataFrame, data: ClickData) -> Quality:
    """What each worker of the ring ended with, against the sum in float64."""
    workers, count = data.parts.shape
    sums = found.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    if sums.shape != (count, workers):
        return Quality(broken=(f"all_reduce: the result has the shape {sums.shape}, not {(count, workers)}",))
    error = np.abs(sums - data.parts.sum(axis=0, dtype=np.float64)[:, None]).max(axis=0)
    values = {"all_reduce_error": float(error.max())}
    wrong = np.flatnonzero(~(error <= 1e-4))
    if len(wrong):
        told = ", ".join(map(str, wrong))
        return Quality(
            values, (f"all_reduce: the sum is wrong on {len(wrong)} of {workers} workers ({told})",)
        )
    # Each number must come together once, over n-1 links, and go out again over as many: no way sends fewer bytes.
    least = 2 * (workers - 1) * count * data.parts.itemsize // workers
    if (sent := found.attrs.get("sent", least)) < least:
        return Quality(
            values,
            (f"all_reduce: {sent:,.0f} bytes were sent, and such a sum takes {least:,} at least: the numbers did not "
            "go through the ring",),
        )  # fmt: skip
    return Quality(values)


def _compared(name: str, result: pd.DataFrame, data: ClickData) -> Quality:
    values = {"target": round(data.target, 4)}
    table = result.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    if table.shape != data.start.shape:
        return Quality(values, (f"{name}: the table has the shape {table.shape}, not {data.start.shape}",))
    found = exact_loss(table, data.held_out)
    values[f"{name}_loss"] = round(found, 4)
    if launch := result.attrs.get("launch"):
        values[f"{name}_launch_s"] = round(launch, 2)
        values[f"{name}_after_launch_s"] = round(result.attrs["curve"][-1][0] - launch, 2)
    # Sums in another order, in float32, are the only difference between two computations of one loss.
    if found <= data.target + 1e-4:
        return Quality(values)
    return Quality(values, (f"{name}: the held-out loss is {found:.4f}; {data.target:.4f} is to be reached",))


def exact_loss(table: NDArray[np.float64], clicks: Batch) -> float:
    """The mean log loss in float64, with every pair of features multiplied out; :mod:`fm` does neither."""
    total = 0.0
    with np.errstate(over="ignore", invalid="ignore"):  # a table may hold anything
        for start in range(0, len(clicks), 500):
            part = clicks.part(slice(start, start + 500))
            x = part.values.astype(np.float64)
            scaled = table[part.ids, 1:] * x[:, :, None]
            products = np.triu(scaled @ scaled.transpose(0, 2, 1), k=1).sum(axis=(1, 2))
            logit = (table[part.ids, 0] * x).sum(axis=1) + products
            total += float((np.logaddexp(0, logit) - part.labels * logit).sum())
    return total / len(clicks)


def _as_batch(clicks: pd.DataFrame, seed: int) -> Batch:
    """The clicks as the model reads them: 26 categories, 13 numbers, and a constant that stands for the bias.

    Which row of the table stands for which category, and the sign of each number, are drawn from the seed: a table that
    was trained on one data set says nothing about the next.
    A row's rate falls with the root of how often its feature occurs, which AdaGrad would find out on the way.
    """
    categories, numbers = hashed(clicks, BUCKETS)
    rng = np.random.default_rng([seed, 0x7512])
    categories = rng.permutation(BUCKETS)[categories]
    signs = rng.choice([-0.4, 0.4], size=len(NUMBERS))
    centred = np.where(numbers > 0, signs * (numbers - 1.2), 0).astype(np.float32)
    more = np.broadcast_to(np.arange(BUCKETS, ROWS), (len(clicks), ROWS - BUCKETS))
    ids = np.hstack([categories, more]).astype(np.int32)
    ones = np.ones((len(clicks), 26), np.float32)
    values = np.hstack([ones, centred, ones[:, :1]])
    often = np.bincount(ids.ravel(), (values**2).ravel(), ROWS) / len(clicks)
    size = len(clicks) / (WORKERS * BATCHES)
    rate = RATE * min(1.0, size / 1000)  # the changes of small batches differ more: smaller steps
    rates = (rate / np.sqrt(often + 1 / size)).astype(np.float32)
    return Batch(ids, values, clicks[LABEL].to_numpy(np.float32), rates)
