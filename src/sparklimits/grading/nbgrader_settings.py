"""The nbgrader settings of the course, for the instructor's folder and for the student's (Validate) alike."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from traitlets.config import Config

from sparklimits.grading.export import ClassExport
from sparklimits.grading.exporter import SubmissionExporter
from sparklimits.grading.harmless import HarmlessOutputs
from sparklimits.grading.preprocessors import (
    ClearHiddenOutputs,
    KeepCells,
    Recover,
    SaveGrades,
    ShowRubrics,
    WritePoints,
)
from sparklimits.grading.sandboxed import SandboxedExecute

#: Seconds that one cell may take: a measurement with all its pairs, repeated once, on a busy machine.
CELL_TIMEOUT = 1800
#: Seconds that a cell's last output may take to arrive.
IOPUB_TIMEOUT = 20
#: Kilobytes. A notebook with its outputs is read up to half a gigabyte. nbgrader counts all files of a folder, also
#: those that it leaves out.
MOST_OF_A_FILE, MOST_OF_A_FOLDER = 500_000, 10_000_000
#: What is no part of a submission: nbgrader would copy all of it, pyspark's jars behind a link included.
NOT_HANDED_IN = [
    ".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", ".sparklimits", ".git", ".venv", "venv", ".vscode",
    ".idea", ".DS_Store", "__MACOSX", "*.backup-*", "spark-warehouse", "metastore_db", "derby.log", "artifacts",
    "*.jar",
]  # fmt: skip


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
    config.Execute.extra_arguments = [
        "--IPKernelApp.capture_fd_output=False",
        # What a kernel says of its own connection is nothing to whoever grades, or checks.
        "--IPKernelApp.log_level=ERROR",
        # A submission never changes the environment that grades the next one.
        "--IPKernelApp.extra_extensions=sparklimits.grading.kernel",
    ]
    # Four seconds for the last output are too few after a flood of it, or an interrupted job of Spark.
    config.Execute.iopub_timeout = IOPUB_TIMEOUT
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
        Recover,
        "nbgrader.preprocessors.ClearOutput",
        "nbgrader.preprocessors.DeduplicateIds",
        "nbgrader.preprocessors.OverwriteKernelspec",
        "nbgrader.preprocessors.OverwriteCells",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    config.Autograde.exporter_class = SubmissionExporter
    config.Autograde.autograde_preprocessors = [
        SandboxedExecute,
        "nbgrader.preprocessors.IgnorePattern",
        "nbconvert.preprocessors.ClearMetadataPreprocessor",
        "nbgrader.preprocessors.LimitOutput",
        SaveGrades,
        HarmlessOutputs,
        ShowRubrics,
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    # The pages for grading and feedback show what a submission says; none of it may act there.
    harmless = "sparklimits.grading.harmless"
    config.HTMLExporter.sanitize_html = True
    config.HTMLExporter.filters = {
        "clean_html": f"{harmless}.clean",
        "markdown2html": f"{harmless}.markdown",
    }
    # A mark that is not made yet would be exported as 0.
    config.ExportApp.plugin_class = ClassExport
    config.CourseDirectory.ignore = NOT_HANDED_IN
    config.CourseDirectory.max_file_size = MOST_OF_A_FILE
    config.CourseDirectory.max_dir_size = MOST_OF_A_FOLDER
    # Feedback would show the hidden tests: their source, and what tracebacks and prints tell of it.
    config.GenerateFeedback.preprocessors = [
        ClearHiddenOutputs,
        "nbgrader.preprocessors.GetGrades",
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
        "nbgrader.preprocessors.ClearHiddenTests",
    ]
