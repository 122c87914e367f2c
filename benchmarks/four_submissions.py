"""Grades the four submissions with nbgrader, several times, while another process keeps one core busy.

    .venv/bin/python benchmarks/four_submissions.py [--rounds 3]

Writes ``benchmarks/results/four_submissions.json`` after every submission, so that a run that is stopped goes
on where it was.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.course import Course  # noqa: E402
from tests.submissions import LAB, four  # noqa: E402

OUT = ROOT / "benchmarks" / "results" / "four_submissions.json"


def busy() -> None:
    """Keeps one core busy until it is ended."""
    while True:
        sum(range(100_000))


def main() -> None:
    """Runs what is missing and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    results = json.loads(OUT.read_text()) if OUT.exists() else []
    load = multiprocessing.Process(target=busy, daemon=True)
    load.start()
    with tempfile.TemporaryDirectory() as folder:
        course = Course(Path(folder))
        submissions = four()
        course.submit(submissions)
        for number in range(1, rounds + 1):
            for student in submissions:
                if any(done["round"] == number and done["submission"] == student for done in results):
                    continue
                began = time.monotonic()
                course.nbgrader("autograde", LAB, "--student", student, "--force")
                scores = course.scores(student)
                results.append(
                    {
                        "round": number,
                        "submission": student,
                        "scores": scores,
                        "total": round(sum(scores.values()), 2),
                        "minutes": round((time.monotonic() - began) / 60, 1),
                    }
                )
                OUT.write_text(json.dumps(results, indent=1) + "\n")
                print(results[-1], flush=True)
    load.terminate()


if __name__ == "__main__":
    main()
