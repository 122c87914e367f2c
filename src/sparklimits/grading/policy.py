"""The tables of the grading page: points from the notebooks' metadata, bars from each lab's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from nbformat import NotebookNode

from sparklimits.display.tables import as_markdown
from sparklimits.grading.marks import name_of, points_of
from sparklimits.grading.submission import read_notebook
from sparklimits.measurement.bars import Bars
from sparklimits.measurement.lab import Lab
from sparklimits.measurement.result import SPEED


def tables(labs: Sequence[Lab], root: Path) -> dict[str, str]:
    """The tables ``points``, ``questions`` and ``bars`` of these labs, whose student copies lie under ``root``."""
    asked: list[tuple[str, ...]] = [("lab", "what it asks")]
    rows: list[tuple[str, ...]] = [("lab", "cell", "graded by", "points")]
    for lab in labs:
        notebook = read_notebook(root / "labs" / lab.id / f"{lab.id}.ipynb")
        points = points_of(notebook)
        rows += [
            (f"`{lab.id}`", f"`{name}`", _graded_by(lab, notebook, name), f"{most:g}")
            for name, most in points.items()
        ]
        asked.append((f"`{lab.id}`", _question(notebook)))
        rows.append((f"`{lab.id}`", "**total**", "", f"**{sum(points.values()):g}**"))
    return {
        "points": as_markdown(rows), "questions": as_markdown(asked), "bars": as_markdown(_bars(labs)),
    }  # fmt: skip


def _question(notebook: NotebookNode) -> str:
    """What stands in bold type above the cell of the written answer; all of it when nothing does."""
    names = list(map(name_of, notebook.cells))
    if "explain" not in names[1:]:
        return ""
    text: str = notebook.cells[names.index("explain") - 1].source
    bold = re.search(r"\*\*(.+?)\*\*", text, re.DOTALL)
    return " ".join((bold[1] if bold else text.splitlines()[-1]).split())


def _bars(labs: Sequence[Lab]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        ("lab", "reference", "no marks up to", "full marks from", "counters: full marks up to / none from")
    ]
    for lab in labs:
        speed = Bars.of(lab.gain)
        counters = ", ".join(f"`{part}` {bar.good:,.10g} / {bar.bad:,.10g}" for part, bar in lab.bars.items())
        rows.append((f"`{lab.id}`", f"{lab.gain:.2f}×", f"{speed.none:.2f}×", f"{speed.full:.2f}×", counters))
    return rows


def _graded_by(lab: Lab, notebook: NotebookNode, name: str) -> str:
    (cell,) = (one for one in notebook.cells if name_of(one) == name)
    if cell.metadata["nbgrader"].get("solution"):
        return "a person"
    parts = re.findall(r"\.share\(\s*[\"'](\w+)[\"']", cell.source)
    if SPEED in parts:
        return "the clock"
    if not parts:
        return "the notebook"
    counted = {lab.bars[part].counter for part in parts if part in lab.bars}
    if any(counter.endswith("_error") for counter in counted):
        return "the error of the result"
    if any(counter.startswith("server_") for counter in counted):
        return "bytes and waits, counted by the server"
    if "forward_passes" in counted:
        return "calls of the network, counted"
    by_spark = {bar.counter for one in lab.exercises if one.needs for bar in one.bars.values()}
    if counted <= by_spark:
        return "Spark's counters"
    asked = {bar.counter for one in lab.exercises if one.asks for bar in one.bars.values()}
    if counted <= asked:
        return "wrong answers, counted"
    return "bytes, counted" if all(one.endswith("_bytes") for one in counted) else "counts of PyTorch"
