"""Grades whole submissions with nbgrader, as an instructor would, on a machine that has other work too.

    .venv/bin/python benchmarks/grading.py [LAB …] [--rounds 1] [--graders 1]

For each lab: three reference notebooks, and one each of the untouched, the half fixed and the wrong one; more than one
of the ``--rounds`` grades all of these as many times, and one that prints to standard error with them. The other work
is a process that keeps one core busy, or, with two ``--graders``, another submission. Writes
``benchmarks/results/grading.json`` after every submission, so that a run that is stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sparklimits.labs import ids  # noqa: E402
from tests.course import Course  # noqa: E402
from tests.submissions import NOISE, four, reference  # noqa: E402

OUT = ROOT / "benchmarks" / "results" / "grading.json"
REFERENCES = 3


def busy() -> None:
    """Keeps one core busy until it is ended."""
    while True:
        sum(range(100_000))


def plan(rounds: int) -> list[tuple[str, int]]:
    """Which submission is graded for which time, in order."""
    names = ("untouched", "half", "wrong", *(["noisy"] if rounds > 1 else []))
    others = [(name, number) for number in range(1, rounds + 1) for name in names]
    return sorted(
        [*others, *(("reference", number) for number in range(1, max(REFERENCES, rounds) + 1))],
        key=lambda one: one[1],
    )


def graded(job: tuple[str, str, int]) -> dict[str, Any]:
    """One submission's scores, and the minutes that it took."""
    lab, submission, number = job
    with tempfile.TemporaryDirectory() as folder:
        course = Course(Path(folder), lab)
        course.submit({**four(lab), "noisy": reference(lab, before=NOISE)}, lab)
        began = time.monotonic()
        course.nbgrader("autograde", lab, "--student", submission, "--force")
        scores = course.scores(submission, lab)
        return {
            "lab": lab,
            "submission": submission,
            "round": number,
            "scores": scores,
            "total": round(sum(scores.values()), 2),
            "minutes": round((time.monotonic() - began) / 60, 1),
        }


def main() -> None:
    """Runs what is missing and prints a line for each submission."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labs", nargs="*", default=ids(), metavar="LAB")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--graders", type=int, default=1, choices=(1, 2))
    arguments = parser.parse_args()
    results = json.loads(OUT.read_text()) if OUT.exists() else []
    done = {(one["lab"], one["submission"], one["round"]) for one in results}
    # Round by round through all labs: a run that is stopped has seen something of each.
    jobs = [
        (lab, *one) for one in plan(arguments.rounds) for lab in arguments.labs if (lab, *one) not in done
    ]
    load = multiprocessing.Process(target=busy, daemon=True)
    if arguments.graders == 1:
        load.start()
    with ThreadPool(arguments.graders) as pool:
        for result in pool.imap_unordered(graded, jobs):
            results.append(result)
            OUT.write_text(json.dumps(results, indent=1) + "\n")
            print(result, flush=True)
    if arguments.graders == 1:
        load.terminate()


if __name__ == "__main__":
    main()
