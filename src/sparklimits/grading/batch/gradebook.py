"""Brings outcomes into the gradebook by nbgrader's own autograding, which takes recorded outputs and runs nothing.

So nbgrader's late penalties, manual marks, formgrader, feedback and export go on working. There is one writer, whatever
machine graded, and what it writes is the attempt that stands.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import NbGrader
from nbgrader.apps.api import NbGraderAPI
from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute
from nbgrader.utils import capture_log, is_grade, temp_attrs
from traitlets.config import Config
from traitlets.config.loader import ConfigFileNotFound, JSONFileConfigLoader, PyFileConfigLoader

from sparklimits.errors import MachineError, SubmissionError
from sparklimits.grading.marks import OURS, name_of
from sparklimits.machine.paths import scratch

#: The last line of a traceback, or a line of nbgrader's log.
_REASON = re.compile(r"([\w.]+(Error|Exception)|\[ERROR\])\b:? \S")
_SETTINGS = "nbgrader_config.py"


def course_of(submitted: Path) -> Path | None:
    """The nbgrader course folder that these are the submissions of; None for any other folder."""
    course = submitted.resolve().parent
    if not any((course / name).exists() for name in (_SETTINGS, "gradebook.db")):
        return None
    where = Path(_api(course).coursedir.submitted_directory)
    return course if (course / where).resolve() == submitted.resolve() else None


class Book:
    """The gradebook of a course folder.

    Raises:
        MachineError: its settings cannot be read.
    """

    def __init__(self, course: Path) -> None:
        self._api = _api(course)

    def take(self, student: str, lab_id: str, graded: bytes) -> str:
        """Enters a graded notebook; why that failed, in a sentence, or nothing."""
        if problem := self._prepare(lab_id):
            return problem
        try:
            recorded = nbformat.reads(graded.decode("utf-8"), as_version=4)
        except Exception as error:  # nbformat raises a different one for each way of being damaged
            return f"It is not in the gradebook: its graded notebook cannot be read ({type(error).__name__})"
        where = self._api.coursedir
        with temp_attrs(where, assignment_id=lab_id, student_id=student):
            step = Autograde(coursedir=where, parent=self._api)
            step.force = step.create_student = True
            step.autograde_preprocessors = [
                _outputs_of(recorded) if _runs(one) else one for one in step.autograde_preprocessors
            ]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # SQLAlchemy's, about nbgrader's own ways
                return _problem(capture_log(step))

    def has(self, student: str, lab_id: str) -> bool:
        """Whether the gradebook knows a submission of this student's: it may have been restored, or made anew."""
        where = self._api.coursedir
        try:
            with Gradebook(where.db_url, where.course_id) as book:
                book.find_submission(lab_id, student)
            return True
        except MissingEntry:
            return False

    def _prepare(self, lab_id: str) -> str:
        """Makes the assignment known to the gradebook, where nobody has released it from this folder yet."""
        where = self._api.coursedir
        try:
            with Gradebook(where.db_url, where.course_id) as book:
                book.find_assignment(lab_id)
            return ""
        except MissingEntry:
            released = tempfile.mkdtemp(prefix="release-", dir=scratch())
        try:
            # The students' copies that are there stay: these ones are for the gradebook alone.
            with temp_attrs(where, release_directory=released):
                return _problem(self._api.generate_assignment(lab_id))
        finally:
            shutil.rmtree(released, ignore_errors=True)


def _api(course: Path) -> NbGraderAPI:
    """nbgrader as the settings of a course folder, and those of this user, have it."""
    config = Config()
    try:
        # What is on the user's own path comes first, so that the course's holds.
        for folder in (*reversed(NbGrader().config_file_paths), str(course)):
            config.merge(_loaded(folder))
    except Exception as error:  # it is a program of the instructor's
        raise MachineError(
            f"{course / _SETTINGS} ends with an error: {type(error).__name__}: {error}"
        ) from error
    config.CourseDirectory.root = str(course)
    # Nothing runs: whether this machine has a sandbox does not matter here.
    config.SandboxedExecute.no_sandbox = True
    return NbGraderAPI(config=config)


def _loaded(folder: str) -> Config:
    found = Config()
    for loader in (PyFileConfigLoader, JSONFileConfigLoader):
        suffix = ".py" if loader is PyFileConfigLoader else ".json"
        with contextlib.suppress(ConfigFileNotFound):
            found.merge(loader(f"nbgrader_config{suffix}", path=folder).load_config())
    return found


def _runs(step: Any) -> bool:
    """Whether a step of autograding is the one that runs the notebook."""
    if isinstance(step, str):
        return step.rpartition(".")[2].endswith("Execute")
    return isinstance(step, type) and issubclass(step, Execute)


def _outputs_of(recorded: NotebookNode) -> Any:
    """A step that puts recorded outputs into the cells they came from."""

    def step(notebook: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        notebook.metadata[OURS] = {**notebook.metadata.get(OURS, {}), **recorded.metadata.get(OURS, {})}
        cells = list(_pairs(notebook, recorded))
        for cell, other in cells:
            cell.outputs, cell.execution_count = other.outputs, other.execution_count
        found = {name_of(cell) for cell, _ in cells}
        for cell in notebook.cells:
            # A graded cell without output would get full marks.
            if cell.cell_type == "code" and is_grade(cell) and name_of(cell) not in found:
                raise SubmissionError(
                    f"The gradebook knows a graded cell {name_of(cell)} that was not graded: it is of another release. "
                    "Release the lab again."
                )
        return notebook, resources

    return step


def _pairs(notebook: NotebookNode, recorded: NotebookNode) -> Iterator[tuple[NotebookNode, NotebookNode]]:
    """The cells of code of both that are the same: by name, or by their text, in its order."""
    there: dict[str, list[NotebookNode]] = {}
    for cell in recorded.cells:
        if cell.cell_type == "code":
            there.setdefault(name_of(cell) or cell.source, []).append(cell)
    for cell in notebook.cells:
        if cell.cell_type == "code" and (same := there.get(name_of(cell) or cell.source)):
            yield cell, same.pop(0)


def _problem(result: dict[str, Any]) -> str:
    """What nbgrader said when it failed, in a line."""
    if result["success"]:
        return ""
    text = f"{result.get('error') or ''}\n{result.get('log') or ''}"
    reasons = [line.strip() for line in text.splitlines() if _REASON.match(line.strip())]
    return f"It is not in the gradebook: {reasons[-1][:400] if reasons else 'nbgrader gives no reason'}"
