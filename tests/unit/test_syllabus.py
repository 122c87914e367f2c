"""The syllabus: every claim of the lecture has a place where it is measured, or a sentence that says why not."""

from __future__ import annotations

import re

import nbformat
import pytest

from sparklimits.labs import ids
from tests.submissions import ROOT

PAGE = (ROOT / "course" / "syllabus.md").read_text("utf-8")
TABLE = PAGE.split("where it is measured | what comes out |\n")[1].split("\n\n")[0]
ROWS = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in TABLE.splitlines()[1:]]
#: What the lecture's table names, limit by limit: a word for each of its cells.
NAMED = {
    "memory": ["do not fit", "spill", "out of memory", "partitioning", "persist()", "executor.memory", "per node"],
    "data skew": ["more than others", "very long", "balance", "sharding", "random sampling", "reduces the skewed"],
    "network": [
        "exchange data", "latency", "protocols", "fewer transfers", "faster hardware", "Kryo", "network.timeout",
        "rpc.message.maxSize", "topology",
    ],
    "synchronisation": ["at every update", "large models", "less often", "asynchronous", "server", "gradient descent"],
    "model complexity": ["more computation", "long training", "real-time", "PyTorch", "together", "GPU or TPU"],
}  # fmt: skip


def headings(lab: str) -> list[str]:
    cells = nbformat.read(ROOT / "labs" / lab / f"{lab}.ipynb", as_version=4).cells
    return [
        line.lstrip("# ")
        for cell in cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("#")
    ]


def test_every_row_has_a_place_or_says_why_not() -> None:
    assert len(ROWS) > 30
    for row in ROWS:
        assert len(row) == 4, row
        assert re.match(r"`lab\d_\w+`: \*", row[2]) or (row[2] == "not measured" and len(row[3]) > 60), row


def test_every_place_is_a_heading_of_its_notebook() -> None:
    for row in ROWS:
        for lab, places in re.findall(r"`(lab\d_\w+)`: (.+)", row[2]):
            assert lab in ids()
            there = headings(lab)
            for place in re.findall(r"\*([^*]+)\*", places):
                assert any(one.startswith(place) for one in there), f"{lab} has no heading {place!r}"


@pytest.mark.parametrize("limit", NAMED)
def test_the_rows_name_what_the_lecture_names(limit: str) -> None:
    first = next(number for number, row in enumerate(ROWS) if row[0] == limit)
    last = next((number for number, row in enumerate(ROWS) if number > first and row[0]), len(ROWS))
    text = " ".join(row[1] for row in ROWS[first:last])
    assert [name for name in NAMED[limit] if name not in text] == []
