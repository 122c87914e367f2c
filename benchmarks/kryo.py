"""Kryo's truth table: the bytes that five kinds of jobs shuffle, with Java's serializer and with Kryo.

    .venv/bin/python benchmarks/kryo.py

Each raw, and compressed as it is by default. Writes ``benchmarks/results/kryo.json`` and the table in
``course/lab3_network.md``. The counters repeat, so each is measured once.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from sparklimits.display.progress import Progress
from sparklimits.display.tables import with_tables
from sparklimits.labs.lab3_network import kryo
from sparklimits.spark import isolated

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "results" / "kryo.json"
PAGE = ROOT / "course" / "lab3_network.md"
SERIALIZERS = {"Java": {}, "Kryo": {"spark.serializer": kryo.KRYO}}


def measured() -> dict[str, dict[str, int]]:
    """Bytes by column ("Java, raw" …) and job."""
    with Progress("kryo") as progress:
        job = partial(kryo.truth, jobs=tuple(kryo.JOBS))
        columns = {}
        for compressed in (False, True):
            for name, settings in SERIALIZERS.items():
                column = f"{name}, {'compressed' if compressed else 'raw'}"
                progress(column)
                plain = {"spark.shuffle.compress": str(compressed).lower()}
                columns[column], _ = isolated.run(job, kryo.constraints(settings, plain))
    return columns


def table(columns: dict[str, dict[str, int]]) -> str:
    """The Markdown table, in megabytes, with the ratio of Kryo's bytes to Java's."""
    lines = [
        "| what is shuffled | Java, raw | Kryo, raw | ratio | Java, compressed | Kryo, compressed | ratio |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for job in kryo.JOBS:
        cells = []
        for kind in ("raw", "compressed"):
            before, after = (columns[f"{name}, {kind}"][job] for name in SERIALIZERS)
            cells += [f"{before / 1e6:.2f}", f"{after / 1e6:.2f}", f"{after / before:.2f}"]
        lines.append(f"| {job} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measures and writes."""
    columns = measured()
    OUT.write_text(json.dumps(columns, indent=1) + "\n")
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), {"kryo": table(columns)}), encoding="utf-8")
    print(table(columns))


if __name__ == "__main__":
    main()
