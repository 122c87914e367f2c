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

from sparklimits.display.progress import Progress
from sparklimits.display.tables import as_markdown
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs import find, ids
from sparklimits.measurement.experiment import Experiment
from sparklimits.measurement.lab import Lab, Solution
from sparklimits.spark import session

OUT = Path(__file__).resolve().parent / "results" / "counters.json"


def counted(lab: Lab, ways: dict[str, dict[str, Solution]]) -> dict[str, float]:
    """The counters of both ways in a new session, on data that the seed alone decides."""
    spark = session.get(lab.constraints)
    found = {}
    for name, functions in ways.items():
        run = Experiment(lab, spark, seed=5).run(functions)
        found[f"{name}: {lab.explains}"] = run.merged.summary()[lab.explains]
        for one in lab.exercises:
            value = run.counters[one.name].summary()[one.bar.counter]
            found[f"{name}: {one.bar.counter} of {one.name}"] = value
    session.stop()
    return found


def main() -> None:
    """Runs the labs that are named, or all."""
    results = json.loads(OUT.read_text()) if OUT.exists() else {}
    with Progress("counters") as progress:
        for name in sys.argv[1:] or ids():
            lab = find(name)
            ways = {"naive": lab.naive, "fixed": load_functions(reference_path(lab), lab)}
            runs = []
            for number in (1, 2):
                progress(f"{name}, session {number} of 2")
                runs.append(counted(lab, ways))
            results[name] = {key: [run[key] for run in runs] for key in runs[0]}
            OUT.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n")
    rows = [("lab", "counter", "first", "second", "differ by")]
    for name, counters in results.items():
        for key, (first, second) in counters.items():
            apart = abs(second - first) / max(abs(first), abs(second), 1e-9)
            rows.append((name, key, f"{first:,.10g}", f"{second:,.10g}", f"{apart:.2%}"))
    print(as_markdown(rows))


if __name__ == "__main__":
    main()
