"""The graded cells as the instructor's copy of a lab has them, hidden tests included."""

from __future__ import annotations

import hashlib

from nbformat import NotebookNode
from nbgrader.utils import is_grade, is_locked, is_solution

from sparklimits import labs
from sparklimits.errors import SubmissionError
from sparklimits.grading.marks import name_of, written_out
from sparklimits.grading.submission import read_notebook, reference_path


def put_in(notebook: NotebookNode, lab_id: str) -> None:
    """Gives the locked cells of a notebook the instructor's text, as nbgrader's autograding does.

    In a student's copy of the course there is no other text: the released one stays.
    """
    sources = _sources(lab_id)
    for cell in notebook.cells:
        if is_locked(cell) and name_of(cell) in sources:
            cell.source = sources[name_of(cell)]


def rubrics(lab_id: str) -> dict[str, str]:
    """What the instructor's copy has in the place of each written answer: its rubric, and answers with their marks.

    In a student's copy of the course there are none.
    """
    notebook = _notebook(lab_id)
    cells = notebook.cells if notebook else []
    return {name_of(cell): cell.source for cell in cells if is_grade(cell) and is_solution(cell)}


def fingerprint(lab_id: str) -> str:
    """A short hash of the instructor's graded cells; "public" where there are none."""
    sources = _sources(lab_id)
    if not sources:
        return "public"
    return hashlib.sha256(
        "\0".join(f"{name}\0{text}" for name, text in sources.items()).encode()
    ).hexdigest()[:12]


def _sources(lab_id: str) -> dict[str, str]:
    notebook = _notebook(lab_id)
    cells = written_out(notebook).cells if notebook else []
    return {name_of(cell): cell.source for cell in cells if is_grade(cell) and is_locked(cell)}


def _notebook(lab_id: str) -> NotebookNode | None:
    try:
        return read_notebook(reference_path(labs.find(lab_id)))
    except SubmissionError:
        return None
