"""Lab 1's naive training examples in one executor of several sizes: what spills, and what it costs.

    .venv/bin/python benchmarks/memory_sizes.py

Each size gets a session of its own and runs on fresh data; the first run is a warm-up, and the medians of the others
count. Writes ``benchmarks/results/memory_sizes.json`` and the table in ``course/lab1_memory.md``.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import replace
from pathlib import Path

from sparklimits.display.progress import Progress
from sparklimits.display.tables import as_markdown, with_tables
from sparklimits.labs.lab1_memory import LAB
from sparklimits.measurement.experiment import Experiment
from sparklimits.spark import session

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "results" / "memory_sizes.json"
PAGE = ROOT / "course" / "lab1_memory.md"
SIZES_MB = (512, 640, 1024, 2048)
WARM_UPS, RUNS = 1, 3
NAME = "training_examples"
COUNTED = ("memory_spilled_bytes", "disk_spilled_bytes", "task_seconds", "gc_seconds")


def measured(size: int) -> dict[str, float]:
    """The medians for an executor of this size."""
    lab = replace(LAB, constraints=replace(LAB.constraints, executors=1, memory_mb=size))
    experiment = Experiment(lab, session.get(lab.constraints))
    runs = []
    with Progress(f"{size:,} MB") as progress:
        for number in range(-WARM_UPS, RUNS):
            progress(f"run {number + 1} of {RUNS}" if number >= 0 else "warm-up")
            runs.append(experiment.run({NAME: lab.naive[NAME]}).counters[NAME].summary())
    session.stop()
    return {
        "size_mb": size,
        **{name: statistics.median(run[name] for run in runs[WARM_UPS:]) for name in COUNTED},
    }


def main() -> None:
    """Measures all sizes and writes them."""
    rows = [measured(size) for size in SIZES_MB]
    OUT.write_text(json.dumps(rows, indent=1) + "\n")
    lines = [
        (
            "executor memory",
            "spilled, MB",
            "written to the disk for it, MB",
            "seconds of tasks",
            "garbage collection",
        )
    ]
    for row in rows:
        lines.append(
            (
                f"{row['size_mb']:,} MB",
                f"{row['memory_spilled_bytes'] / 1e6:.0f}",
                f"{row['disk_spilled_bytes'] / 1e6:.0f}",
                f"{row['task_seconds']:.1f}",
                f"{row['gc_seconds'] / row['task_seconds']:.0%}",
            )
        )
    table = as_markdown(lines)
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), {"memory": table}), encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
