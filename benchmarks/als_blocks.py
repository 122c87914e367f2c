"""ALS on ratings with a hot item, and on as many that are dealt out evenly: how uneven are its half steps' tasks?

    .venv/bin/python benchmarks/als_blocks.py

ALS deals users and items into blocks by a hash. Each way trains on fresh data, in random order, ``RUNS`` times after a
warm-up. Writes ``benchmarks/results/als_blocks.json``, and the table of ``course/lab2_skew.md``.
"""

from __future__ import annotations

import json
import random
import shutil
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sparklimits.datasets.ratings import write_parquet
from sparklimits.display.progress import Progress
from sparklimits.display.tables import as_markdown, with_tables
from sparklimits.labs.lab2_skew import LAB
from sparklimits.labs.lab2_skew.data import load, make_data
from sparklimits.machine.paths import scratch
from sparklimits.spark import session
from sparklimits.spark.timed import timed

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

    from sparklimits.spark.counters import Counters

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "results" / "als_blocks.json"
PAGE = ROOT / "course" / "lab2_skew.md"
#: Blocks of users and of items; 10 is ALS's default.
BLOCKS = (10, 40)
RANK, ITERATIONS, RUNS = 32, 5, 3


def even(ratings: pd.DataFrame, seed: int) -> pd.DataFrame:
    """As many ratings, of as many users and items, each drawn with the same chance."""
    rng = np.random.default_rng(seed)
    return ratings.assign(
        user_id=rng.integers(0, ratings["user_id"].max() + 1, len(ratings)).astype("int32"),
        item_id=rng.integers(0, ratings["item_id"].max() + 1, len(ratings)).astype("int32"),
    )


def train(ratings: DataFrame, blocks: int) -> None:
    """Trains with so many blocks of users, and of items."""
    from pyspark.ml.recommendation import ALS

    als = ALS(
        rank=RANK, maxIter=ITERATIONS, numUserBlocks=blocks, numItemBlocks=blocks, seed=1,
        userCol="user_id", itemCol="item_id", ratingCol="rating",
    )  # fmt: skip
    als.fit(ratings)


def half_steps(counters: Counters, blocks: int) -> dict[str, float]:
    """Heaviest task over median, in the stages that solve one side: medians of these stages, by what is compared."""
    stages = [
        tasks
        for tasks in counters.stages().values()
        if len(tasks) == blocks and sum(task.read_bytes for task in tasks) > 0
    ]
    found = {}
    for name in ("seconds", "read_bytes"):
        ratios = []
        for tasks in stages:
            values = [getattr(task, name) for task in tasks]
            ratios.append(max(values) / max(1e-3, statistics.median(values)))
        found[name] = statistics.median(
            sorted(ratios)[len(ratios) // 2 :]
        )  # of the half with the more uneven side
    return found


def measured(spark: SparkSession, table: pd.DataFrame, blocks: int) -> dict[str, float]:
    """Seconds of one training, and the ratios of its half steps."""
    folder = write_parquet(table, scratch() / f"als-{random.getrandbits(32):08x}")
    with session.pristine(spark):
        found = timed(spark, "als", lambda: train(load(spark, folder)["ratings"], blocks))
    shutil.rmtree(folder)
    return {"all": found.seconds, **half_steps(found.counters, blocks)}


def main() -> None:
    """Measures, and writes."""
    spark = session.get(LAB.constraints)
    ways = [(data, blocks) for data in ("hot", "even") for blocks in BLOCKS]
    results: dict[str, list[dict[str, float]]] = {f"{data}, {blocks}": [] for data, blocks in ways}
    with Progress("ALS") as progress:
        for number in range(-1, RUNS):
            for data, blocks in random.sample(ways, len(ways)):
                progress(f"{data}, {blocks} blocks, run {number + 1} of {RUNS}" if number >= 0 else "warm-up")
                seed = random.getrandbits(30)
                table = make_data(1.0, seed, "main")
                row = measured(spark, even(table, seed) if data == "even" else table, blocks)
                if number >= 0:
                    results[f"{data}, {blocks}"].append(row)
    session.stop()
    OUT.write_text(json.dumps(results, indent=1) + "\n")
    rows = [
        ("ratings", "blocks", "seconds", "seconds: heaviest task / median", "bytes read: heaviest / median")
    ]
    for data, blocks in ways:
        found = results[f"{data}, {blocks}"]
        middle = {name: statistics.median(one[name] for one in found) for name in found[0]}
        what = "with the hot item and account" if data == "hot" else "dealt out evenly"
        rows.append(
            (
                what,
                str(blocks),
                f"{middle['all']:.1f}",
                f"{middle['seconds']:.1f}",
                f"{middle['read_bytes']:.1f}",
            )
        )
    table = as_markdown(rows)
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), {"als": table}), encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
