"""What a student gets of an instructor's notebook: nbgrader's own steps, without a gradebook."""

from __future__ import annotations

import copy
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)
from traitlets.config import Config

from sparklimits.grading import nbgrader_settings
from sparklimits.grading.preprocessors import KeepCells, WritePoints


def student_copy(solution: NotebookNode) -> NotebookNode:
    """The notebook with its points written out, without answers and hidden tests.

    Raises:
        SubmissionError: a text asks for the points of a cell that is not graded.
    """
    config = Config()
    nbgrader_settings.apply(config)
    notebook = copy.deepcopy(solution)
    resources: dict[str, Any] = {"metadata": {}}
    for step in (
        WritePoints, LockCells, KeepCells, ClearSolutions, ClearOutput, CheckCellMetadata, ClearHiddenTests,
        ClearMarkScheme, ComputeChecksums,
    ):  # fmt: skip
        notebook, resources = step(config=config)(notebook, resources)
    return notebook
