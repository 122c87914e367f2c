"""How nbgrader's autograding finds and reads submissions: all of them, whatever their names, folders and formats."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException

from sparklimits import labs
from sparklimits.errors import MachineError, SubmissionError
from sparklimits.grading.places import odd_files, put_into_place
from sparklimits.grading.preprocessors import SAID
from sparklimits.grading.reading import read_submission
from sparklimits.grading.sandbox import tiers
from sparklimits.grading.sandboxed import SandboxedExecute
from sparklimits.machine import messages


class SubmissionExporter(NotebookExporter):
    """Reads each notebook with :func:`sparklimits.grading.reading.read_submission`.

    nbgrader makes one for each run, after it has looked for submissions and before it grades the first: the moment to
    put those into place that it would not find, and to stop where no notebook could run.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        if isinstance(self.parent, Autograde):
            self._require_sandbox(self.parent)
            self._put_into_place(self.parent)
            _leave_out_links(self.parent)

    def from_filename(
        self, filename: str, resources: dict[str, Any] | None = None, **keywords: Any
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """The notebook of this file after all steps.

        Raises:
            SubmissionError: no notebook can be made of the file; nbgrader logs it and goes on with the next.
        """
        path = Path(filename)
        if path.is_symlink() or path.parent.is_symlink():
            raise SubmissionError(messages.tell("a_link", path=path, target=path.resolve()))
        notebook, said = read_submission(path)
        resources = resources if resources is not None else {}
        resources["metadata"] = {"name": path.stem, "path": str(path.parent)}
        resources[SAID] = said
        return self.from_notebook_node(notebook, resources=resources, **keywords)

    def _require_sandbox(self, converter: Autograde) -> None:
        """Stops the whole run where there is no sandbox, instead of each submission with the same words."""
        if SandboxedExecute(config=converter.config).no_sandbox:
            return
        try:
            tiers.require()
        except MachineError as error:
            converter.log.error(str(error))
            raise NbGraderException(str(error)) from error

    def _put_into_place(self, converter: Autograde) -> None:
        where = converter.coursedir
        if where.assignment_id not in labs.ids():
            return
        folder = Path(where.format_path(where.submitted_directory, "*", where.assignment_id)).parents[1]
        placed, said = put_into_place(folder, where.assignment_id, where.student_id)
        for sentence in said:
            converter.log.warning(sentence)
        for path in placed:
            converter.assignments[str(path.parent)] = [str(path)]
        for assignment, notebooks in converter.assignments.items():
            wanted = os.path.join(assignment, f"{where.assignment_id}.ipynb")
            if wanted in notebooks:
                converter.assignments[assignment] = [wanted]


def _leave_out_links(converter: Autograde) -> None:
    """Keeps nbgrader from copying what a link in a submission leads to, or from waiting for a pipe."""
    copy_files, usual = converter.init_assignment, list(converter.coursedir.ignore)

    def without_links(assignment_id: str, student_id: str) -> None:
        where = converter.coursedir
        folder = Path(where.format_path(where.submitted_directory, student_id, assignment_id))
        odd = odd_files(folder)
        for path in odd:
            converter.log.warning("%s is left out: it is a link, a pipe or a device.", path)
        where.ignore = [*usual, *(glob.escape(path.name) for path in odd)]
        try:
            copy_files(assignment_id, student_id)
        finally:
            where.ignore = usual

    converter.init_assignment = without_links
