"""Kryo's truth table: the bytes that five kinds of jobs shuffle, with Java's serializer and with Kryo.

    .venv/bin/python benchmarks/kryo.py

Each raw, and compressed as it is by default. Writes ``benchmarks/results/kryo.json`` and the table in
``course/lab3_network.md``. The counters repeat, so each is measured once.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from sparklimits import separate
from sparklimits.labs import lab3_kryo
from sparklimits.markdown import with_tables
from sparklimits.progress import Progress

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "results" / "kryo.json"
PAGE = ROOT / "course" / "lab3_network.md"
SERIALIZERS = {"Java": {}, "Kryo": {"spark.serializer": lab3_kryo.KRYO}}


def measured() -> dict[str, dict[str, int]]:
    """Bytes by column ("Java, raw" …) and job."""
    progress = Progress("kryo")
    job = partial(lab3_kryo.truth, jobs=tuple(lab3_kryo.JOBS))
    columns = {}
    for compressed in (False, True):
        for name, settings in SERIALIZERS.items():
            column = f"{name}, {'compressed' if compressed else 'raw'}"
            progress(column)
            plain = {"spark.shuffle.compress": str(compressed).lower()}
            columns[column], _ = separate.run(job, lab3_kryo.constraints(settings, plain))
    progress.done()
    return columns


def table(columns: dict[str, dict[str, int]]) -> str:
    """The Markdown table, in megabytes, with the ratio of Kryo's bytes to Java's."""
    lines = [
        "| what is shuffled | Java, raw | Kryo, raw | ratio | Java, compressed | Kryo, compressed | ratio |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for job in lab3_kryo.JOBS:
        cells = []
        for kind in ("raw", "compressed"):
            java, kryo = (columns[f"{name}, {kind}"][job] for name in SERIALIZERS)
            cells += [f"{java / 1e6:.2f}", f"{kryo / 1e6:.2f}", f"{kryo / java:.2f}"]
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
