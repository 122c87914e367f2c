"""The score of one notebook, as an instructor's autograding would give it, without a gradebook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearOutput, DeduplicateIds, Execute, IgnorePattern
from nbgrader.utils import determine_grade, is_grade, is_locked
from traitlets.config import Config

from sparklimits import labs
from sparklimits.errors import SubmissionError
from sparklimits.grading import nbgrader_settings
from sparklimits.grading.marks import name_of
from sparklimits.grading.submission import check_version, read_notebook
from sparklimits.machine.paths import project_root


@dataclass(frozen=True)
class Mark:
    """One graded cell: its name, the points it got (None: a person grades it), the most it can give, and why.

    ``text`` is what the cell printed, or the last line of its error.
    """

    cell: str
    points: float | None
    most: float
    text: str


def lab_of(path: Path) -> str:
    """The lab that a notebook belongs to, from its file name.

    Raises:
        SubmissionError: the name is no lab's.
    """
    if path.stem not in labs.ids():
        there = ", ".join(labs.ids())
        raise SubmissionError(
            f"{path.name} is not named like a lab; the labs are {there}. Rename the file to its lab."
        )
    return path.stem


def check(path: Path, progress: Callable[[str], None] = lambda message: None) -> list[Mark]:
    """Runs the notebook with the released tests in place of the student's copies of them.

    Raises:
        SubmissionError: unreadable, another version, or a graded cell is missing.
    """
    lab_id = lab_of(path)
    released_path = project_root() / "labs" / lab_id / f"{lab_id}.ipynb"
    released = read_notebook(released_path)
    notebook = read_notebook(path)
    check_version(notebook, path)
    _restore_locked_cells(notebook, released, path)
    config = Config()
    nbgrader_settings.apply(config)
    resources = {"metadata": {"path": str(path.resolve().parent)}}
    progress("running the notebook from top to bottom")
    for step in (ClearOutput, DeduplicateIds, Execute, IgnorePattern):
        notebook, resources = step(config=config)(notebook, resources)
    return [_mark(cell) for cell in notebook.cells if is_grade(cell)]


def _restore_locked_cells(notebook: NotebookNode, released: NotebookNode, path: Path) -> None:
    """What nbgrader's autograding does from its gradebook: locked cells are those of the release."""
    cells = {name_of(cell): cell for cell in notebook.cells if name_of(cell)}
    originals = {name_of(cell): cell for cell in released.cells if name_of(cell)}
    if missing := [name for name in originals if name not in cells]:
        raise SubmissionError(
            f"{path.name} has lost the cell {', '.join(missing)}. `sparklimits reset {path.stem}` restores the "
            "notebook and keeps a backup to copy from."
        )
    for name, original in originals.items():
        if is_locked(original):
            cells[name].source = original.source
        cells[name].metadata["nbgrader"] = original.metadata["nbgrader"]
        cells[name].cell_type = original.cell_type


def _mark(cell: NotebookNode) -> Mark:
    points, most = determine_grade(cell)
    lines = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            lines += output.text.strip().splitlines()
        elif output.output_type == "error":
            lines.append(f"{output.ename}: {output.evalue}".splitlines()[0])
    return Mark(name_of(cell), points, most, lines[-1] if lines else "")
