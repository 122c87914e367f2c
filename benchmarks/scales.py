"""Do the labs work on more data? Both ways of every lab once, on ten times the data of a class.

    .venv/bin/python benchmarks/scales.py [LAB …] [--scale 10]

Writes ``benchmarks/results/scales.json`` after every lab and prints a table: the seconds of each way (one run each,
with no warm-up: no measure of a speedup), the counter that explains the lab, and whether the results are right.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from sparklimits.display.progress import Progress
from sparklimits.display.tables import as_markdown
from sparklimits.errors import SparkLimitsError
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs import find, ids
from sparklimits.measurement.experiment import Experiment
from sparklimits.spark import session
from sparklimits.spark.counters import counter_name, counter_value

OUT = Path(__file__).resolve().parent / "results" / "scales.json"


def grown(name: str, scale: float, progress: Progress) -> dict[str, Any]:
    """What each way of the lab did on so much data."""
    lab = find(name)
    experiment = Experiment(lab, session.get(lab.constraints), scale=scale, seed=5)
    found: dict[str, Any] = {"scale": scale}
    for way, functions in (("naive", lab.naive), ("fixed", load_functions(reference_path(lab), lab))):
        progress(f"{name}, {way}")
        began = time.monotonic()
        try:
            run = experiment.run(functions)
        except SparkLimitsError as error:
            found[way] = {"error": str(error), "minutes": round((time.monotonic() - began) / 60, 1)}
            continue
        summary = run.merged.summary()
        found[way] = {
            "seconds": round(run.total, 1),
            "counter": summary[lab.explains],
            "broken": list(run.quality.broken),
        }
    session.stop()
    return found


def row(name: str, found: dict[str, Any]) -> tuple[str, ...]:
    """The lab's line of the table."""
    cells = []
    for way in ("naive", "fixed"):
        if error := found[way].get("error"):
            cells.append(error)
            continue
        counter = counter_value(find(name).explains, found[way]["counter"])
        right = "; ".join(found[way]["broken"]) or "right"
        cells.append(f"{found[way]['seconds']:,.0f} s, {counter}, {right}")
    return (name, f"{found['scale']:g}", counter_name(find(name).explains), *cells)


def main() -> None:
    """Runs the labs that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labs", nargs="*", default=ids(), metavar="LAB")
    parser.add_argument("--scale", type=float, default=10.0)
    arguments = parser.parse_args()
    results = json.loads(OUT.read_text()) if OUT.exists() else {}
    with Progress("scales") as progress:
        for name in arguments.labs:
            results[name] = grown(name, arguments.scale, progress)
            OUT.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n")
    header = ("lab", "scale", "counter", "the naive way", "the fix")
    print(as_markdown([header, *(row(name, found) for name, found in results.items())]))


if __name__ == "__main__":
    main()
