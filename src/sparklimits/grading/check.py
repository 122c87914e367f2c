"""The score of one notebook, as an instructor's autograding would give it, without a gradebook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.preprocessors import IgnorePattern
from nbgrader.utils import determine_grade, is_grade
from traitlets.config import Config

from sparklimits.grading import hints, nbgrader_settings
from sparklimits.grading.marks import name_of
from sparklimits.grading.places import lab_of
from sparklimits.grading.reading import read_submission
from sparklimits.grading.recovery import recover, release_of
from sparklimits.grading.referee.execute import RefereedExecute


@dataclass(frozen=True)
class Mark:
    """One graded cell: its name, the points it got (None: a person grades it), the most it can give, and why.

    ``text`` is what the cell printed, or the last line of its error, and which hints were opened for its function.
    """

    cell: str
    points: float | None
    most: float
    text: str


def check(path: Path, progress: Callable[[str], None] = lambda message: None) -> tuple[list[Mark], list[str]]:
    """Runs the notebook with the released tests in place of the student's copies of them.

    Returns:
        the marks, and what was done to the notebook before, a sentence each.

    Raises:
        SubmissionError: unreadable, of no lab, or of another version.
        MachineError: the notebook's kernel did not start.
    """
    notebook, said = read_submission(path)
    lab_id = lab_of(path)
    notebook, more = recover(notebook, release_of(lab_id), path.name)
    rungs = hints.opened(notebook)
    config = Config()
    nbgrader_settings.apply(config)
    resources = {
        "metadata": {"path": str(path.resolve().parent)},
        "unique_key": lab_id,
        "progress": progress,
    }
    for step in (RefereedExecute, IgnorePattern):
        notebook, resources = step(config=config)(notebook, resources)
    return [
        mark(cell, hints.beside(name_of(cell), rungs)) for cell in notebook.cells if is_grade(cell)
    ], said + more


def mark(cell: NotebookNode, opened: str) -> Mark:
    """What a graded cell that has run got; ``opened`` says which hints were."""
    points, most = determine_grade(cell)
    lines = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            lines += output.text.strip().splitlines()
        elif output.output_type == "error":
            lines.append(f"{output.ename}: {output.evalue}".splitlines()[0])
    text = "; ".join(filter(None, (lines[-1] if lines else "", opened)))
    return Mark(name_of(cell), points, most, text)


def told(marks: list[Mark]) -> str:
    """The marks for a terminal: a line for each, and the score of those that no person gives."""
    lines = []
    for one in marks:
        points = "a person grades this" if one.points is None else f"{one.points:g}"
        lines.append(f"  {one.cell:<24} {points:>5} of {one.most:g}   {one.text}")
    auto = [one for one in marks if one.points is not None]
    lines.append(
        f"  {'score':<24} {sum(one.points or 0.0 for one in auto):g} of {sum(one.most for one in auto):g}"
    )
    return "\n".join(lines)
