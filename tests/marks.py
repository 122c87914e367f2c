"""What a notebook of lab 0 earns, graded from end to end on a tenth of the data, where no clock gives marks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbgrader.preprocessors import IgnorePattern
from nbgrader.utils import determine_grade, is_grade
from traitlets.config import Config

from sparklimits.grading import nbgrader_settings
from sparklimits.grading.batch import instructor
from sparklimits.grading.check import check
from sparklimits.grading.marks import name_of
from sparklimits.grading.reading import read_submission
from sparklimits.grading.recovery import recover, release_of
from sparklimits.grading.sandboxed import SandboxedExecute
from tests.submissions import hostile

SCALE = "0.1"


def earned(notebook: NotebookNode, folder: Path) -> dict[str, float]:
    """The points of the notebook's graded cells of code, by name."""
    path = folder / f"{hostile.LAB}.ipynb"
    nbformat.write(notebook, path)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SPARKLIMITS_SCALE", SCALE)
        return {mark.cell: mark.points for mark in check(path)[0] if mark.points is not None}


def autograded(file: Path, **options: Any) -> dict[str, float]:
    """The same of a file of somebody else's, in the sandbox; for options see :func:`run`.

    Raises:
        SubmissionError: the file is refused.
    """
    notebook, _ = read_submission(file)
    notebook, _ = recover(notebook, release_of(hostile.LAB), file.name)
    instructor.put_in(notebook, hostile.LAB)
    return run(notebook, file.parent, **options)


def run(
    notebook: NotebookNode,
    folder: Path,
    timeout_func: Callable[[NotebookNode], int] | None = None,
    **options: Any,
) -> dict[str, float]:
    """Runs a notebook that was put in order as autograding does, with these options of its step: points, by name."""
    config = Config()
    nbgrader_settings.apply(config)
    execute = SandboxedExecute(config=config, **options)
    execute.timeout_func = timeout_func
    resources = {"metadata": {"path": str(folder)}, "unique_key": hostile.LAB, "progress": lambda said: None}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SPARKLIMITS_SCALE", SCALE)
        for step in (execute, IgnorePattern(config=config)):
            notebook, resources = step(notebook, resources)
    return {
        name_of(cell): determine_grade(cell)[0]
        for cell in notebook.cells
        if is_grade(cell) and cell.cell_type == "code"
    }


def most(notebook: NotebookNode) -> dict[str, float]:
    """The most that each of them can earn."""
    return {
        name_of(cell): float(cell.metadata.nbgrader.points)
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade")
    }
