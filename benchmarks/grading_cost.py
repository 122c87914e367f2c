"""What a refereed grade in its sandbox costs beside stock nbgrader's run of the same notebook.

    .venv/bin/python benchmarks/grading_cost.py [LAB …] [--rounds 1]

In each round the reference's submission of each lab is autograded twice at full size, in random order: by *stock*
nbgrader (see ``benchmarks/hostile.py``: `lab.prove()` measures in the plain kernel, nothing is kept apart), and by this
course. Writes ``benchmarks/results/grading_cost.json`` after each pair, and the table of ``course/grading.md``.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from hostile import STOCK

from sparklimits.display.progress import Progress
from sparklimits.display.tables import as_markdown, with_tables
from sparklimits.labs import ids

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.course import Course  # noqa: E402
from tests.submissions import reference  # noqa: E402

OUT = ROOT / "benchmarks" / "results" / "grading_cost.json"
PAGE = ROOT / "course" / "grading.md"
WAYS = ("stock", "ours")


def graded(lab: str, way: str) -> dict[str, float]:
    """Seconds of one autograding from its command on, and the automatic marks."""
    with tempfile.TemporaryDirectory() as folder:
        course = Course(Path(folder), lab)
        course.submit({"student": reference(lab)}, lab)
        if way == "stock":
            (course.folder / "nbgrader_config.py").write_text(STOCK)
        began = time.monotonic()
        course.nbgrader("autograde", lab)
        seconds = time.monotonic() - began
        return {"seconds": round(seconds, 1), "marks": round(sum(course.scores("student", lab).values()), 2)}


def table(results: list[dict[str, Any]]) -> str:
    """A line for each lab: the medians of its rounds."""
    rows = [("lab", "stock, s", "ours, s", "ours / stock", "marks of stock", "marks of ours", "rounds")]
    total = dict.fromkeys(WAYS, 0.0)
    for lab in ids():
        found = [one for one in results if one["lab"] == lab]
        if not found:
            continue
        seconds = {way: statistics.median(one[way]["seconds"] for one in found) for way in WAYS}
        ratio = statistics.median(one["ours"]["seconds"] / one["stock"]["seconds"] for one in found)
        marks = {way: statistics.median(one[way]["marks"] for one in found) for way in WAYS}
        total = {way: total[way] + seconds[way] for way in WAYS}
        rows.append(
            (
                f"`{lab}`", *(f"{seconds[way]:.0f}" for way in WAYS), f"{ratio:.2f}",
                *(f"{marks[way]:g}" for way in WAYS), str(len(found)),
            )
        )  # fmt: skip
    rows.append(("all", *(f"{total[way]:.0f}" for way in WAYS), "", "", "", ""))
    return as_markdown(rows)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labs", nargs="*", default=ids(), metavar="LAB")
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    results = json.loads(OUT.read_text()) if OUT.exists() else []
    with Progress("grading cost") as progress:
        for number in range(arguments.rounds):
            for lab in arguments.labs:
                pair: dict[str, Any] = {"lab": lab}
                for way in random.sample(WAYS, len(WAYS)):
                    progress(f"round {number + 1}, {lab}, {way}")
                    pair[way] = graded(lab, way)
                results.append(pair)
                OUT.write_text(json.dumps(results, indent=1) + "\n")
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), {"cost": table(results)}), encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    main()
