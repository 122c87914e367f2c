"""What a notebook of lab 0 earns, graded from end to end on a tenth of the data, where no clock gives marks."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from sparklimits.grading.check import check
from sparklimits.grading.marks import name_of
from tests.submissions import hostile

SCALE = "0.1"


def earned(notebook: NotebookNode, folder: Path) -> dict[str, float]:
    """The points of the notebook's graded cells of code, by name."""
    path = folder / f"{hostile.LAB}.ipynb"
    nbformat.write(notebook, path)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SPARKLIMITS_SCALE", SCALE)
        return {mark.cell: mark.points for mark in check(path)[0] if mark.points is not None}


def most(notebook: NotebookNode) -> dict[str, float]:
    """The most that each of them can earn."""
    return {
        name_of(cell): float(cell.metadata.nbgrader.points)
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade")
    }
