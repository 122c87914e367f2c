"""Lab 0's training on one executor, two, and four, with as many partitions as executors.

    .venv/bin/python benchmarks/executors.py

Each session trains five times; the first two runs are a warm-up, and the median of the others counts. Writes
``benchmarks/results/executors.json`` and the table in ``course/lab0_measuring.md``.
"""

from __future__ import annotations

import json
import os
import statistics
from dataclasses import replace
from pathlib import Path

from sparklimits.display.progress import Progress
from sparklimits.display.tables import with_tables
from sparklimits.labs.lab0_measuring import LAB
from sparklimits.labs.lab0_measuring.naive import train
from sparklimits.measurement.experiment import Experiment
from sparklimits.spark import session

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "results" / "executors.json"
PAGE = ROOT / "course" / "lab0_measuring.md"
EXECUTORS = (1, 2, 4)
WARM_UPS, RUNS = 2, 3


def measured(executors: int) -> dict[str, float]:
    """One row: the seconds, and how long the tasks ran altogether."""
    lab = replace(LAB, constraints=replace(LAB.constraints, executors=executors))
    experiment = Experiment(lab, session.get(lab.constraints), seed=1)
    runs = []
    with Progress(f"{executors} executors") as progress:
        for number in range(-WARM_UPS, RUNS):
            progress(f"run {number + 1} of {RUNS}" if number >= 0 else "warm-up")
            runs.append(
                experiment.run({"fit_in_parallel": lambda visits: train(visits.repartition(executors))})
            )
    runs = runs[WARM_UPS:]
    session.stop()
    return {
        "executors": executors,
        "seconds": round(statistics.median(run.total for run in runs), 2),
        "task_seconds": round(statistics.median(run.merged.summary()["task_seconds"] for run in runs), 2),
        "slot_ratio": runs[-1].merged.slot_ratio(),
    }


def main() -> None:
    """Measures all rows and writes them."""
    rows = [measured(executors) for executors in EXECUTORS]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    OUT.write_text(json.dumps({"cores": cores, "rows": rows}, indent=1) + "\n")
    table = [
        f"| executors and partitions (on {cores} cores) | seconds | times as fast as one | seconds of all tasks | "
        "slot ratio |",
        "|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        table.append(
            f"| {row['executors']} | {row['seconds']:.1f} | {rows[0]['seconds'] / row['seconds']:.2f} | "
            f"{row['task_seconds']:.1f} | {row['slot_ratio']:.1f} |"
        )
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_tables(page, {"executors": "\n".join(table)}), encoding="utf-8")
    print("\n".join(table))


if __name__ == "__main__":
    main()
