"""Runs the benchmarks that are named, or those that need neither Docker nor a browser, one after the other.

    .venv/bin/python benchmarks/run.py [NAME …]        # a NAME is a file of this folder, without .py

Each writes its figures to ``benchmarks/results/`` and its tables into the course's pages. Nothing else should run on
the machine meanwhile.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
#: What runs when none is named, the shortest first.
USUAL = (
    "grading_simulation", "kryo", "executors", "memory_sizes", "als_blocks", "functions_apart", "counters", "network",
    "offload", "departures", "synchronisation_routes",
)  # fmt: skip


def main() -> int:
    """Exit code 1 when one failed; the others run all the same."""
    failed = []
    for name in sys.argv[1:] or USUAL:
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, str(FOLDER / f"{name}.py")]).returncode:
            failed.append(name)
    if failed:
        print(f"Not done: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
