"""Whole submissions, made from the release and the reference: what students hand in.

The half fixed and the wrong cells of each lab stand in a module named like it.
"""

from __future__ import annotations

from copy import deepcopy
from importlib import import_module
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
#: The lab that the tests grade for real.
LAB = "lab2_skew"

#: Prints to standard error in every way that a student's cell may, and does nothing wrong.
NOISE = """\
import os
import sys
import warnings

warnings.warn("an old habit")
print("something to standard error", file=sys.stderr)
os.write(2, b"and past Python\\n")
"""


def released(lab: str = LAB) -> NotebookNode:
    """The notebook as a student gets it."""
    return nbformat.read(ROOT / "labs" / lab / f"{lab}.ipynb", as_version=4)


def reference(lab: str = LAB, before: str = "") -> NotebookNode:
    """The release with all the reference's answers; ``before`` is put in front of each one that is code."""
    source = nbformat.read(ROOT / "solutions" / lab / f"{lab}.ipynb", as_version=4)
    answers = {name: cell.source for cell in source.cells if (name := _name(cell)) and _is_answer(cell)}
    notebook = released(lab)
    for cell in notebook.cells:
        if (name := _name(cell)) in answers:
            cell.source = (before + "\n" if before and cell.cell_type == "code" else "") + answers[name]
    return notebook


def with_cells(lab: str, sources: dict[str, str]) -> NotebookNode:
    """The release with these sources in the cells of these names.

    Raises:
        KeyError: the release has no such cell.
    """
    notebook = released(lab)
    cells = {_name(cell): cell for cell in notebook.cells}
    for name, source in sources.items():
        cells[name].source = source
    return notebook


def four(lab: str = LAB) -> dict[str, NotebookNode]:
    """A right notebook, an untouched one, a half fixed one and a fast but wrong one, by name of the student."""
    cells = import_module(f"tests.submissions.{lab}")
    return {
        "reference": reference(lab),
        "untouched": released(lab),
        "half": with_cells(lab, cells.HALF),
        "wrong": with_cells(lab, cells.WRONG),
    }


def shortened(notebook: NotebookNode) -> NotebookNode:
    """The notebook of a student who deleted every cell without a name, but the one that opens the lab."""
    start = next(cell for cell in notebook.cells if "open_lab(" in cell.source)
    short = deepcopy(notebook)
    short.cells = [cell for cell in short.cells if _name(cell) or cell.id == start.id]
    return short


def _name(cell: NotebookNode) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def _is_answer(cell: NotebookNode) -> bool:
    return bool(cell.metadata["nbgrader"].get("solution"))
