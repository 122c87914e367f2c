"""Points stand once, in nbgrader's metadata of the graded cells. Cells, headings and the grading page follow.

In the source of a notebook a graded cell ends with ``points(share)``, and a text names the points of a cell by its
name in braces: ``({points: prediction_points})`` becomes *(1 point)*, ``{points: all}`` the sum of all.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping

from nbformat import NotebookNode

from sparklimits.errors import SubmissionError

#: The name that stands for all graded cells together.
ALL = "all"
#: Our part of the metadata of notebooks and cells.
OURS = "sparklimits"
_CALL = re.compile(r"^points\((?P<share>.+)\)\s*$", re.MULTILINE)
_NAMED = re.compile(r"\{points: (?P<names>[\w +]+)\}")


def name_of(cell: NotebookNode) -> str:
    """nbgrader's name of a cell; empty when it has none."""
    settings = cell.metadata.get("nbgrader")
    return str(settings.get("grade_id") or "") if isinstance(settings, Mapping) else ""


def verdict_of(notebook: NotebookNode) -> str:
    """The verdict of the measurement, in a notebook that was graded; empty where nothing was measured."""
    return str(notebook.metadata.get(OURS, {}).get("verdict", ""))


def points_of(notebook: NotebookNode) -> dict[str, float]:
    """The points of each graded cell, by its name."""
    cells = (cell.metadata.get("nbgrader", {}) for cell in notebook.cells)
    return {
        str(cell["grade_id"]): float(cell["points"])
        for cell in cells
        if cell.get("grade") and "points" in cell
    }


def written_out(notebook: NotebookNode) -> NotebookNode:
    """A copy of the notebook with its points in the graded cells and in the text.

    Raises:
        SubmissionError: a text names a cell that is not graded.
    """
    notebook = copy.deepcopy(notebook)
    points = points_of(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            most = points.get(name_of(cell))
            if most is not None:
                cell.source = _CALL.sub(rf"points(\g<share>, most={most:g})", cell.source)
        else:
            cell.source = _NAMED.sub(lambda found: _in_words(found["names"], points), cell.source)
    return notebook


def has_points_call(source: str) -> bool:
    """Whether the cell's last line gives its points."""
    lines = source.rstrip().splitlines()
    return bool(lines and _CALL.match(lines[-1]))


def named(text: str) -> list[str]:
    """The names in the text whose points it wants."""
    return [name for found in _NAMED.finditer(text) for name in found["names"].split(" + ")]


def _in_words(names: str, points: Mapping[str, float]) -> str:
    if names == ALL:
        return f"{sum(points.values()):g}"
    if unknown := [name for name in names.split(" + ") if name not in points]:
        raise SubmissionError(
            f"A text asks for the points of {unknown[0]}, and no graded cell has that name."
        )
    total = sum(points[name] for name in names.split(" + "))
    return f"{total:g} point{'' if total == 1 else 's'}"
