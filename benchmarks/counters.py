"""Does each lab's counter repeat? Every way of every lab, twice on the same data, in two sessions of Spark.

    .venv/bin/python benchmarks/counters.py [LAB …]

Writes ``benchmarks/results/counters.json`` after every lab, and prints a table: the counter that explains the lab and
those that are graded, of both ways, and by how much the second run differs. The bytes of an asynchronous training
depend on who comes first, and differ.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sparklimits import cluster
from sparklimits.experiment import Experiment
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs import LABS, find
from sparklimits.labs.base import Lab, Solution
from sparklimits.markdown import as_markdown
from sparklimits.progress import Progress

OUT = Path(__file__).resolve().parent / "results" / "counters.json"


def counted(lab: Lab, ways: dict[str, dict[str, Solution]]) -> dict[str, float]:
    """The counters of both ways in a new session, on data that the seed alone decides."""
    spark = cluster.session(lab.constraints)
    found = {}
    for name, functions in ways.items():
        run = Experiment(lab, spark, seed=5).run(functions)
        found[f"{name}: {lab.explains}"] = run.merged.summary(lab.constraints.slots)[lab.explains]
        for task in lab.tasks:
            value = run.counters[task.name].summary(lab.constraints.slots)[task.counter]
            found[f"{name}: {task.counter} of {task.name}"] = value
    cluster.stop()
    return found


def main() -> None:
    """Runs the labs that are named, or all."""
    results = json.loads(OUT.read_text()) if OUT.exists() else {}
    progress = Progress("counters")
    for name in sys.argv[1:] or LABS:
        lab = find(name)
        ways = {"naive": lab.naive, "fixed": load_functions(reference_path(lab), lab)}
        runs = []
        for number in (1, 2):
            progress(f"{name}, session {number} of 2")
            runs.append(counted(lab, ways))
        results[name] = {key: [run[key] for run in runs] for key in runs[0]}
        OUT.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n")
    progress.done()
    rows = [("lab", "counter", "first", "second", "differ by")]
    for name, counters in results.items():
        for key, (first, second) in counters.items():
            apart = abs(second - first) / max(abs(first), abs(second), 1e-9)
            rows.append((name, key, f"{first:,.10g}", f"{second:,.10g}", f"{apart:.2%}"))
    print(as_markdown(rows))


if __name__ == "__main__":
    main()
