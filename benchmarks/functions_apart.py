"""What each function of a lab gains alone, and lab 1's as its features look further back.

    .venv/bin/python benchmarks/functions_apart.py [lab1_memory | lab2_skew]

Each way of each function runs ``RUNS`` times after a warm-up, on fresh data, in random order. Writes
``benchmarks/results/functions_apart.json`` and the table of the lab's chapter.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
from pathlib import Path

from sparklimits.display.progress import Progress
from sparklimits.display.tables import as_markdown, with_tables
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs import find
from sparklimits.labs.lab1_memory import naive as lab1
from sparklimits.measurement.experiment import Experiment
from sparklimits.spark import session

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "results" / "functions_apart.json"
RUNS = 4
#: What is measured of each lab: a function, and for lab 1 the ratings that its features look back.
ROWS: dict[str, list[tuple[str, int | None]]] = {
    "lab1_memory": [("compare_models", 100), ("compare_models", lab1.LOOK_BACK)],
    "lab2_skew": [("item_trends", None), ("item_pairs", None)],
}
NAIVE, REFERENCE = "naive", "reference"


def measured(lab_id: str) -> list[dict[str, object]]:
    """Of each row and way: seconds, and seconds of all tasks together, of each run."""
    lab = find(lab_id)
    ways = {NAIVE: lab.naive, REFERENCE: load_functions(reference_path(lab), lab)}
    found = {
        (row, way): {"seconds": [], "task_seconds": []} for row in range(len(ROWS[lab_id])) for way in ways
    }
    experiment = Experiment(lab, session.get(lab.constraints))
    standard = lab1.LOOK_BACK
    with Progress(lab_id) as progress:
        for number in range(-1, RUNS):
            for row, way in random.sample(list(found), len(found)):
                name, look_back = ROWS[lab_id][row]
                progress(f"{name}, {way}, " + (f"run {number + 1} of {RUNS}" if number >= 0 else "warm-up"))
                lab1.LOOK_BACK = look_back or standard
                run = experiment.run({name: ways[way][name]})
                # The oracle looks back as far as the lab does.
                assert look_back not in (None, standard) or run.quality.ok, run.quality.broken
                if number >= 0:
                    found[row, way]["seconds"].append(round(run.seconds[name], 3))
                    found[row, way]["task_seconds"].append(run.counters[name].summary()["task_seconds"])
    session.stop()
    return [
        {"function": name, "look_back": look_back, **{way: found[row, way] for way in ways}}
        for row, (name, look_back) in enumerate(ROWS[lab_id])
    ]


def table(rows: list[dict[str, object]]) -> str:
    """Medians, and the ratio of the medians of the seconds."""
    lines = [
        ("function", "naive: seconds, of all tasks", "reference: seconds, of all tasks", "times as fast")
    ]
    for row in rows:
        middle = {
            way: [statistics.median(row[way][key]) for key in ("seconds", "task_seconds")]  # type: ignore[index]
            for way in (NAIVE, REFERENCE)
        }
        back = f", {row['look_back']} ratings back" if row["look_back"] else ""
        lines.append(
            (
                f"`{row['function']}`{back}",
                *(", ".join(f"{value:.1f}" for value in middle[way]) for way in (NAIVE, REFERENCE)),
                f"{middle[NAIVE][0] / middle[REFERENCE][0]:.1f}",
            )
        )
    return as_markdown(lines)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labs", nargs="*", default=list(ROWS), metavar="LAB")
    for lab_id in parser.parse_args().labs:
        rows = measured(lab_id)
        done = json.loads(OUT.read_text()) if OUT.exists() else {}
        OUT.write_text(json.dumps(done | {lab_id: rows}, indent=1) + "\n")
        page = ROOT / "course" / f"{lab_id}.md"
        page.write_text(
            with_tables(page.read_text(encoding="utf-8"), {"apart": table(rows)}), encoding="utf-8"
        )
        print(table(rows))


if __name__ == "__main__":
    main()
