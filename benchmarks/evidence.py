"""What the kernel counts of each lab's work, from outside: processor seconds of the driver and of the executors.

    .venv/bin/python benchmarks/evidence.py [LAB …]

Each way runs three times in a process of the referee's: the naive one, the reference, and the one of
``tests/submissions`` that brings the data to the driver, where there is one. Writes
``benchmarks/results/evidence.json`` after each lab, and the table of ``course/grading.md``. From these figures come the
bounds in :mod:`sparklimits.measurement.verdict`.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from sparklimits.display.progress import Progress
from sparklimits.display.tables import with_tables
from sparklimits.grading.marks import name_of
from sparklimits.grading.referee.launcher import plain
from sparklimits.grading.referee.outside import Outside
from sparklimits.grading.submission import read_notebook, reference_path
from sparklimits.labs import find
from sparklimits.measurement.lab import Lab
from sparklimits.spark.counters import BALANCE, CLUSTER, DRIVER

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "evidence.json"
POLICY = ROOT / "course" / "grading.md"
LABS = ("lab0_measuring", "lab1_memory", "lab2_skew", "lab3_network", "lab4_synchronisation", "lab6_capstone")
RUNS = 3


def ways(lab: Lab) -> Iterator[tuple[str, dict[str, str]]]:
    """The cells of each way, by the lab's functions."""
    released = read_notebook(ROOT / "labs" / lab.id / f"{lab.id}.ipynb")
    solved = read_notebook(reference_path(lab))
    for way, notebook in (("naive", released), ("reference", solved)):
        cells = {name_of(cell): cell.source for cell in notebook.cells}
        yield way, {name: cells[name] for name in lab.names}
    in_the_driver = getattr(import_module(f"tests.submissions.{lab.id}"), "IN_THE_DRIVER", {})
    if found := {name: cell for name, cell in in_the_driver.items() if name in lab.names}:
        yield "in the driver", found


def measured(lab: Lab, cells: dict[str, str]) -> dict[str, dict[str, float]]:
    """The medians of each function's runs, the first one too, which starts the executors' Python."""
    bench = Outside(lab, cells, plain)
    seen: dict[str, list[dict[str, float]]] = {}
    try:
        for _ in range(RUNS):
            data = lab.make_data(1.0, random.getrandbits(32), lab.variants[0])
            for one in lab.exercises:
                if one.name in cells and (one.on_cluster or one.collects or one.bar.counter == "slot_ratio"):
                    parts = bench.run([one], bench.functions, data, f"{random.getrandbits(48):012x}")
                    seen.setdefault(one.name, []).append(parts[one.name].counters.summary())
    finally:
        bench.end()
    kept = (DRIVER, CLUSTER, BALANCE, "slot_ratio", "result_bytes")
    return {
        name: {
            part: round(statistics.median(run[part] for run in runs), 3) for part in kept if part in runs[0]
        }
        for name, runs in seen.items()
    }


def table(results: dict[str, Any]) -> str:
    """One line for each function and way."""
    lines = [
        "| lab | function | way | driver, s | executors, s | busiest executor | slot ratio | to the driver, MB |",
        "|---|---|---|--:|--:|--:|--:|--:|",
    ]
    for lab_id, found in results.items():
        for way, functions in found.items():
            for name, one in functions.items():
                lines.append(
                    f"| `{lab_id}` | `{name}` | {way} | {one[DRIVER]:.2f} | {one[CLUSTER]:.2f} | {one[BALANCE]:.2f} | "
                    f"{one['slot_ratio']:.2f} | {one['result_bytes'] / 1e6:.2f} |"
                )
    return "\n".join(lines)


def main() -> None:
    """The command."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with Progress("evidence") as progress:
        for lab_id in sys.argv[1:] or LABS:
            lab = find(lab_id)
            found = {}
            for way, cells in ways(lab):
                progress(f"{lab_id}, {way}")
                found[way] = measured(lab, cells)
            results[lab_id] = found
            RESULTS.write_text(
                json.dumps({one: results[one] for one in LABS if one in results}, indent=1) + "\n"
            )
    text = table(json.loads(RESULTS.read_text()))
    POLICY.write_text(with_tables(POLICY.read_text(encoding="utf-8"), {"evidence": text}), encoding="utf-8")
    print(text)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
