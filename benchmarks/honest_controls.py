"""Do honest notebooks with odd habits keep their marks, whatever else the machine does?

    .venv/bin/python benchmarks/honest_controls.py [NAME …] [--rounds 20]

Each notebook of ``tests/submissions/honest.py`` is graded as `sparklimits check` does, on a tenth of the data, in each
round beside another kind of load (``tests/noise.py``) in turn. Writes ``benchmarks/results/honest_controls.json`` after
each, and prints the table. What has its rounds already is not run again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sparklimits.display.progress import Progress
from sparklimits.display.tables import as_markdown

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests import noise  # noqa: E402 - the notebooks are the tests' own
from tests.marks import earned  # noqa: E402
from tests.submissions import honest  # noqa: E402

OUT = ROOT / "benchmarks" / "results" / "honest_controls.json"
KINDS = list(noise.KINDS)


def graded(name: str, kind: str) -> dict[str, Any]:
    """What this notebook earned beside this kind of load, where it is not what it is due, and seconds."""
    with tempfile.TemporaryDirectory() as folder, noise.beside(kind):
        began = time.monotonic()
        found = earned(honest.CONTROLS[name](), Path(folder))
        seconds = time.monotonic() - began
    return {"name": name, "beside": kind, "seconds": round(seconds, 1), "undue": honest.undue(name, found)}


def table(results: list[dict[str, Any]]) -> str:
    """A line for each notebook: how many of its gradings gave what it is due, beside each kind of load."""
    rows = [("notebook", *(f"beside {kind}" for kind in KINDS), "seconds, longest")]
    for name in honest.CONTROLS:
        found = [one for one in results if one["name"] == name]
        cells = []
        for kind in KINDS:
            here = [one for one in found if one["beside"] == kind]
            cells.append(f"{sum(not one['undue'] for one in here)} of {len(here)}")
        longest = max((one["seconds"] for one in found), default=0.0)
        rows.append((f"`{name}`", *cells, f"{longest:.0f}"))
    return as_markdown(rows)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(honest.CONTROLS), metavar="NAME")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    results: list[dict[str, Any]] = json.loads(OUT.read_text()) if OUT.exists() else []
    with Progress("honest controls") as progress:
        for number in range(arguments.rounds):
            for place, name in enumerate(arguments.names):
                if sum(one["name"] == name for one in results) > number:
                    continue
                kind = KINDS[(number + place) % len(KINDS)]
                progress(f"round {number + 1} of {arguments.rounds}: {name}, beside {kind}")
                results.append(graded(name, kind))
                OUT.write_text(json.dumps(results, indent=1) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
