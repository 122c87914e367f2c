"""Lab 3's further tables: the same means in several ways, the codecs of the shuffle, the depth of ``treeAggregate``.

    .venv/bin/python benchmarks/network.py [ways] [codecs] [depths]

Writes ``benchmarks/results/network.json`` and the tables in ``course/lab3_network.md``. Bytes are exact. Seconds are
medians of runs that took turns; nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import SparkSession

from sparklimits.display.progress import Progress
from sparklimits.display.tables import with_tables
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs.lab3_network import LAB
from sparklimits.measurement.experiment import Experiment
from sparklimits.measurement.lab import Solution
from sparklimits.spark import session
from sparklimits.spark.timed import timed

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from tests.submissions import lab3_network as submissions  # noqa: E402

OUT = ROOT / "benchmarks" / "results" / "network.json"
PAGE = ROOT / "course" / "lab3_network.md"
#: Runs of each way and of each codec; the first one warms up and does not count.
RUNS = 3
#: Settings of the session, by the name of the row.
CODECS = {
    "lz4 (the default)": {},
    "zstd": {"spark.io.compression.codec": "zstd"},
    "snappy": {"spark.io.compression.codec": "snappy"},
    "none": {"spark.shuffle.compress": "false"},
}
#: Passes over the codecs, each in a new session, and the runs in a session; its first one does not count.
PASSES, TURNS = 1, 2
PARTITIONS, DEPTHS = (16, 64), (1, 2, 3)
#: Numbers of the vector that is added up: 0.2 MB.
NUMBERS = 25_000

COLLECT_LIST = """\
import numpy as np
from pyspark.sql import functions as F


def cohort_tastes(purchases, items):
    joined = purchases.join(items, "item_id")
    lists = joined.groupBy("cohort").agg(F.count("*").alias("purchases"), F.collect_list("item_vector").alias("all"))
    mean = F.pandas_udf(lambda all: all.map(lambda vectors: np.stack(vectors).mean(axis=0)), "array<float>")
    return lists.select("cohort", "purchases", mean("all").alias("taste"))
"""
GROUP_BY_KEY = """\
import numpy as np
import pandas as pd


def cohort_tastes(purchases, items):
    table = items.toPandas().sort_values("item_id")
    vectors = purchases.sparkSession.sparkContext.broadcast(np.stack(table["item_vector"]))
    pairs = purchases.rdd.map(lambda row: (row.cohort, vectors.value[row.item_id]))
    means = pairs.groupByKey().mapValues(list).mapValues(lambda bought: (len(bought), np.mean(bought, axis=0)))
    rows = [(cohort, count, mean) for cohort, (count, mean) in means.collect()]
    return pd.DataFrame(rows, columns=["cohort", "purchases", "taste"])
"""


def ways() -> dict[str, Solution]:
    """``cohort_tastes`` in several ways, all of them right."""
    sources = {
        "collect_list": COLLECT_LIST,
        "groupByKey": GROUP_BY_KEY,
        **submissions.RIGHT,
        **submissions.SLOW,
    }
    return {
        "applyInPandas (the naive way)": LAB.naive["cohort_tastes"],
        "vector_avg (the reference)": load_functions(reference_path(LAB), LAB)["cohort_tastes"],
        **{name: _defined(source) for name, source in sources.items()},
    }


def _defined(source: str) -> Solution:
    names: dict[str, Any] = {}
    exec(source, names)
    return names["cohort_tastes"]


def of_ways(progress: Callable[[str], None]) -> dict[str, dict[str, float]]:
    """Bytes and rows shuffled, bytes that came to the driver, and median seconds of each way."""
    experiment = Experiment(LAB, session.get(LAB.constraints), seed=5)
    runs: dict[str, list[Any]] = {name: [] for name in ways()}
    for number in range(RUNS):
        for name, solution in random.sample(list(ways().items()), len(runs)):
            progress(f"round {number + 1} of {RUNS}: {name}")
            run = experiment.run({"cohort_tastes": solution})
            assert run.quality.ok, run.quality.broken
            runs[name].append(run)
    session.stop()
    found = {}
    for name, several in runs.items():
        counted = several[-1].counters["cohort_tastes"].summary()
        kept = ("shuffle_bytes", "shuffle_records", "result_bytes")
        seconds = statistics.median(run.total for run in several[1:])
        found[name] = {**{key: counted[key] for key in kept}, "seconds": round(seconds, 2)}
    return found


def of_codecs(progress: Callable[[str], None]) -> dict[str, dict[str, float]]:
    """Bytes shuffled by both naive functions, and the median seconds of each, by codec."""
    names = ("cohort_tastes", "cohort_scores")
    runs: dict[str, list[Any]] = {codec: [] for codec in CODECS}
    for number in range(PASSES):
        for codec in list(CODECS)[:: 1 - 2 * (number % 2)]:
            progress(f"pass {number + 1} of {PASSES}: {codec}")
            lab = replace(LAB, constraints=replace(LAB.constraints, settings=CODECS[codec]))
            experiment = Experiment(lab, session.get(lab.constraints), seed=number)
            runs[codec] += [experiment.run({name: LAB.naive[name] for name in names}) for _ in range(TURNS)][
                1:
            ]
            session.stop()
    found: dict[str, dict[str, float]] = {}
    for codec, several in runs.items():
        found[codec] = {}
        for name in names:
            counted = statistics.median(run.counters[name].summary()["shuffle_bytes"] for run in several)
            found[codec][f"{name}: bytes"] = counted
            found[codec][f"{name}: seconds"] = round(
                statistics.median(run.seconds[name] for run in several), 2
            )
    return found


def of_depths(progress: Callable[[str], None]) -> dict[str, dict[str, float]]:
    """What ``treeAggregate`` brings to the driver, by partitions and depth."""
    spark = session.get(LAB.constraints)
    found = {}
    for partitions in PARTITIONS:
        for depth in DEPTHS:
            progress(f"{partitions} partitions, depth {depth}")
            run = timed(spark, "depth", partial(added_up, spark, partitions, depth))
            counted = run.counters.summary()
            last = list(run.counters.stages().values())[-1]
            found[f"{partitions}, {depth}"] = {"vectors": len(last), "result_bytes": counted["result_bytes"]}
    session.stop()
    return found


def added_up(spark: SparkSession, partitions: int, depth: int) -> None:
    """Adds up a vector of each partition by a tree of this depth."""
    vectors = spark.sparkContext.range(0, partitions, 1, partitions).map(
        lambda one: np.full(NUMBERS, float(one))
    )
    total = vectors.treeAggregate(np.zeros(NUMBERS), np.add, np.add, depth)
    assert (total == partitions * (partitions - 1) / 2).all()


def tables(found: Mapping[str, dict[str, dict[str, float]]]) -> dict[str, str]:
    """The chapter's tables, by the name of their markers."""
    written = {}
    if "ways" in found:
        lines = [
            "| way | shuffled, MB | rows shuffled | to the driver, MB | seconds |",
            "|---|--:|--:|--:|--:|",
        ]
        for name, one in found["ways"].items():
            sent, brought = (f"{one[key] / 1e6:.2f}" for key in ("shuffle_bytes", "result_bytes"))
            lines.append(
                f"| {name} | {sent} | {one['shuffle_records']:,} | {brought} | {one['seconds']:.1f} |"
            )
        written["ways"] = "\n".join(lines)
    if "codecs" in found:
        lines = [
            "| codec | `cohort_tastes`, MB | seconds | `cohort_scores`, MB | seconds |",
            "|---|--:|--:|--:|--:|",
        ]
        for codec, one in found["codecs"].items():
            cells = [
                f"{one[f'{name}: bytes'] / 1e6:.0f} | {one[f'{name}: seconds']:.1f}"
                for name in ("cohort_tastes", "cohort_scores")
            ]
            lines.append(f"| {codec} | {' | '.join(cells)} |")
        written["codecs"] = "\n".join(lines)
    if "depths" in found:
        lines = [
            "| partitions | depth | vectors that reach the driver | to the driver, MB |",
            "|--:|--:|--:|--:|",
        ]
        for place, one in found["depths"].items():
            partitions, depth = place.split(", ")
            brought = one["result_bytes"] / 1e6
            lines.append(f"| {partitions} | {depth} | {one['vectors']} | {brought:.1f} |")
        written["depths"] = "\n".join(lines)
    return written


PARTS = {"ways": of_ways, "codecs": of_codecs, "depths": of_depths}


def main() -> None:
    """Measures the parts that are named, or all; writes after each."""
    found = json.loads(OUT.read_text()) if OUT.exists() else {}
    with Progress("network") as progress:
        for part in sys.argv[1:] or PARTS:
            found[part] = PARTS[part](progress)
            OUT.write_text(json.dumps(found, indent=1) + "\n")
    written = tables(found)
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), written), encoding="utf-8")
    print(*(f"{name}\n{table}\n" for name, table in written.items()), sep="\n")


if __name__ == "__main__":
    main()
