"""What a lab's departures from Spark's defaults are worth: its speedup with them and without.

    .venv/bin/python benchmarks/departures.py

Writes ``benchmarks/results/departures.json`` and the table in ``course/lab2_skew.md``.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from sparklimits import cluster
from sparklimits.experiment import Experiment
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs import find
from sparklimits.measure import BASELINE, CANDIDATE
from sparklimits.progress import Progress
from sparklimits.result import Result

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "results" / "departures.json"
PAGE = ROOT / "course" / "lab2_skew.md"
BEGIN, END = "<!-- begin departures: written by benchmarks/departures.py -->", "<!-- end departures -->"


def measured(name: str, settings: dict[str, str]) -> dict[str, object]:
    """One row: the reference's speedup under these settings."""
    lab = find("lab2_skew")
    lab = replace(lab, constraints=replace(lab.constraints, settings=settings))
    progress = Progress(name)
    experiment = Experiment(lab, cluster.session(lab.constraints), progress=progress)
    result: Result = experiment.measure(load_functions(reference_path(lab), lab))
    cluster.stop()
    return {
        "settings": name,
        "speedup": round(result.speedup, 2),
        "low": round(result.low, 2),
        "high": round(result.high, 2),
        "pairs": result.pairs,
        "tasks": [result.arms[arm].summary["tasks"] for arm in (BASELINE, CANDIDATE)],
    }


def main() -> None:
    """Measures both rows and writes them."""
    lab = find("lab2_skew")
    rows = [measured("as in the lab", dict(lab.constraints.settings)), measured("Spark's defaults", {})]
    OUT.write_text(json.dumps(rows, indent=1) + "\n")
    table = ["| settings | speedup of the reference | tasks, naive and fixed |", "|---|---|---|"]
    for row in rows:
        naive, fixed = row["tasks"]  # type: ignore[misc]
        table.append(
            f"| {row['settings']} | {row['speedup']} [{row['low']}, {row['high']}] | {naive}, {fixed} |"
        )
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    PAGE.write_text(before + "\n".join([BEGIN, *table, END]) + rest.split(END)[1], encoding="utf-8")
    print("\n".join(table))


if __name__ == "__main__":
    main()
