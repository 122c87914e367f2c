"""Every lab's reference on the cluster of containers: speedups and counters, and what Kryo is worth on a slow link.

    .venv/bin/python benchmarks/docker.py [LAB …] [kryo]

The cluster is set up for each lab as the lab wants it, and left as the last one had it. Writes
``benchmarks/results/docker.json`` after each, and the two tables in ``course/docker.md``.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

from sparklimits import demo, measure
from sparklimits.cluster import Machines
from sparklimits.docker import containers, errands
from sparklimits.labs import LABS, find

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "results" / "docker.json"
PAGE = ROOT / "course" / "docker.md"
#: A link that is slow for what half a core can compute.
KRYO = Machines(workers=4, cpus=0.5, mbit=(2.0,))
ROUNDS = 5

#: Runs in the lab's container: one job of objects under both serializers, in turn, each in a session of its own.
_IN_LAB = """
import json, sys, time
import numpy as np
from pyspark.mllib.linalg import Vectors
from pyspark.mllib.linalg.distributed import RowMatrix
from sparklimits import evidence, separate
from sparklimits.labs import lab3_kryo

def timed(spark):
    baskets = (np.random.default_rng(1).random((4_000, 300)) < 0.05).astype(float)
    rows = spark.sparkContext.parallelize([Vectors.dense(row) for row in baskets], 4).cache()
    def job():
        return RowMatrix(rows).columnSimilarities().entries.count()
    job()  # Java compiles
    began = time.perf_counter()
    with evidence.collect(spark) as counters:
        job()
        seconds = time.perf_counter() - began
    return seconds, counters.summary()["shuffle_bytes"]

for _ in range(int(sys.argv[1])):
    for name, settings in (("Java", {}), ("Kryo", {"spark.serializer": lab3_kryo.KRYO})):
        constraints = lab3_kryo.constraints(settings, {"spark.shuffle.compress": "false"})
        print(json.dumps([name, *separate.run(timed, constraints)[0]]), flush=True)
"""


def kryo() -> dict[str, Any]:
    """Seconds and bytes of each run, by serializer."""
    containers.up(KRYO)
    script = ROOT / "build" / "kryo.py"
    script.parent.mkdir(exist_ok=True)
    script.write_text(_IN_LAB)
    found: dict[str, Any] = {"mbit": KRYO.mbit[0], "Java": [], "Kryo": [], "bytes": {}}
    with errands.handed_over({"kryo.py": script}) as there:
        for line in errands.said_in_lab(["python", "kryo.py", str(ROUNDS)], there).splitlines():
            name, seconds, size = json.loads(line)
            found[name].append(round(seconds, 3))
            found["bytes"][name] = size
    return found


def summary(results: dict[str, Any]) -> dict[str, list[str]]:
    """The lines of both tables, by the name of their markers."""
    labs = [demo.row(results[lab]) for lab in LABS if lab in results]
    tables = {"labs": demo.as_markdown([demo.HEADER, *labs]).splitlines()}
    if found := results.get("kryo"):
        ratio = measure.ratio(found["Java"], found["Kryo"])
        size = found["bytes"]
        tables["kryo"] = [
            "| serializer | bytes shuffled, MB | seconds, median |", "|---|--:|--:|",
            *(f"| {name} | {size[name] / 1e6:.2f} | {statistics.median(found[name]):.1f} |" for name in size),
            f"| ratio | {size['Kryo'] / size['Java']:.2f} | {ratio.speedup:.2f} [{ratio.low:.2f}, {ratio.high:.2f}] "
            "times as fast |",
        ]  # fmt: skip
    return tables


def main() -> None:
    """Measures what is named, or everything."""
    results = json.loads(OUT.read_text()) if OUT.exists() else {}
    for name in sys.argv[1:] or [*LABS, "kryo"]:
        if name == "kryo":
            results[name] = kryo()
        else:
            demo.demo([find(name)])
            results[name] = json.loads((ROOT / "build" / "demo-docker" / f"{name}.json").read_text())
        OUT.write_text(json.dumps(results, indent=1) + "\n")
    text = PAGE.read_text(encoding="utf-8")
    for name, lines in summary(results).items():
        begin, end = f"<!-- begin {name}: written by benchmarks/docker.py -->", f"<!-- end {name} -->"
        before, rest = text.split(begin)
        text = "\n".join([before + begin, *lines, end]) + rest.split(end)[1]
        print("\n".join([name, *lines, ""]))
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
