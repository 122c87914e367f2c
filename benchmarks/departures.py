"""What a lab's departures from Spark's defaults are worth: its speedup with them, if it has any, and without.

    .venv/bin/python benchmarks/departures.py [LAB …]      without names: all labs whose chapter has the table

Writes ``benchmarks/results/departures.json`` and the table in the lab's chapter, ``course/LAB.md``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sparklimits.display.progress import Progress
from sparklimits.display.tables import with_tables
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs import find, ids
from sparklimits.measurement.experiment import Experiment
from sparklimits.measurement.lab import Lab
from sparklimits.measurement.plan import BASELINE, CANDIDATE
from sparklimits.spark import session

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "results" / "departures.json"


def measured(lab: Lab, name: str, settings: dict[str, str]) -> dict[str, object]:
    """One row: the reference's speedup under these settings."""
    lab = replace(lab, constraints=replace(lab.constraints, settings=settings))
    with Progress(name) as progress:
        experiment = Experiment(lab, session.get(lab.constraints), progress=progress)
        result = experiment.measure(load_functions(reference_path(lab), lab))
    session.stop()
    return {
        "settings": name,
        "speedup": round(result.speedup, 2),
        "low": round(result.low, 2),
        "high": round(result.high, 2),
        "pairs": result.pairs,
        **{
            counter: [told(counter, result.arms[arm].summary) for arm in (BASELINE, CANDIDATE)]
            for counter in ("tasks", lab.explains)
        },
    }


def told(counter: str, summary: Mapping[str, float]) -> str:
    """A counter's value. Of a stage in which most slots had no record, a ratio to the median would say nothing."""
    value = summary[counter]
    if counter == "straggler_ratio" and value >= summary["heaviest_task_records"]:
        return "all in one task"
    return f"{value:,}"


def update(lab: Lab) -> None:
    """Measures the rows of a lab and writes them."""
    page = _page(lab.id)
    settings = dict(lab.constraints.settings)
    rows = [measured(lab, "as in the lab", settings)] if settings else []
    rows.append(measured(lab, "Spark's defaults", {}))
    OUT.write_text(json.dumps(json.loads(OUT.read_text()) | {lab.id: rows}, indent=1) + "\n")
    explains = lab.explains.replace("_", " ")
    table = [f"| settings | speedup of the reference | tasks | {explains} |", "|---|---|---|---|"]
    for row in rows:
        tasks, counts = (
            " → ".join(row[name])  # type: ignore[arg-type]
            for name in ("tasks", lab.explains)
        )
        table.append(
            f"| {row['settings']} | {row['speedup']} [{row['low']}, {row['high']}] | {tasks} | {counts} |"
        )
    text = page.read_text(encoding="utf-8")
    page.write_text(with_tables(text, {"departures": "\n".join(table)}), encoding="utf-8")
    print("\n".join(table))


def _page(lab: str) -> Path:
    return ROOT / "course" / f"{lab}.md"


def main() -> None:
    """The command."""
    there = [lab for lab in ids() if "begin departures" in _page(lab).read_text(encoding="utf-8")]
    for lab in sys.argv[1:] or there:
        update(find(lab))


if __name__ == "__main__":
    main()
