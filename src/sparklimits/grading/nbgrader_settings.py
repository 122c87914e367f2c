"""The nbgrader settings of the course, for the instructor's folder and for the student's (Validate) alike."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from traitlets.config import Config

from sparklimits.grading.preprocessors import KeepCells, RefuseOtherVersion, WritePoints

#: Seconds that one cell may take: a measurement with all its pairs, repeated once, on a busy machine.
CELL_TIMEOUT = 1800


def apply(config: Config) -> None:
    """Puts the settings into ``config``; each line defuses something that would cost an honest student marks."""
    # nbgrader calls the program `alembic` by name; it lies beside this Python, in an environment that need not
    # be activated.
    os.environ["PATH"] = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    )
    # The default of 30 seconds would cut every measurement off.
    config.Execute.timeout = CELL_TIMEOUT
    # nbgrader takes any text on standard error for a failed test. What Spark's Java prints there is not the
    # student's; Python's warnings are no failure.
    config.Execute.extra_arguments = ["--IPKernelApp.capture_fd_output=False"]
    config.IgnorePattern.enabled = True
    config.IgnorePattern.pattern = r"(?s).*"
    # No `raise NotImplementedError`: an untouched notebook runs, because each cell falls back to the naive way.
    config.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE"}
    # Points stand in the metadata: they are written into the cells and headings before anything else happens.
    config.GenerateAssignment.preprocessors = [
        WritePoints,
        "nbgrader.preprocessors.IncludeHeaderFooter",
        "nbgrader.preprocessors.InstantiateTests",
        "nbgrader.preprocessors.LockCells",
        KeepCells,
        "nbgrader.preprocessors.ClearSolutions",
        "nbgrader.preprocessors.ClearOutput",
        "nbgrader.preprocessors.CheckCellMetadata",
        "nbgrader.preprocessors.ComputeChecksums",
        "nbgrader.preprocessors.SaveCells",
        "nbgrader.preprocessors.ClearHiddenTests",
        "nbgrader.preprocessors.ClearMarkScheme",
        "nbgrader.preprocessors.ComputeChecksums",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    config.Autograde.sanitize_preprocessors = [
        RefuseOtherVersion,
        "nbgrader.preprocessors.ClearOutput",
        "nbgrader.preprocessors.DeduplicateIds",
        "nbgrader.preprocessors.OverwriteKernelspec",
        "nbgrader.preprocessors.OverwriteCells",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    # Feedback would show the source of the hidden tests.
    config.GenerateFeedback.preprocessors = [
        "nbgrader.preprocessors.GetGrades",
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
        "nbgrader.preprocessors.ClearHiddenTests",
    ]
