"""How nbgrader's autograding finds and reads submissions: all of them, whatever their names, folders and formats."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.converters import Autograde

from sparklimits import labs
from sparklimits.grading.places import put_into_place
from sparklimits.grading.preprocessors import SAID
from sparklimits.grading.reading import read_submission


class SubmissionExporter(NotebookExporter):
    """Reads each notebook with :func:`sparklimits.grading.reading.read_submission`.

    nbgrader makes one for each run, after it has looked for submissions and before it grades the first: the moment to
    put those into place that it would not find.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        if isinstance(self.parent, Autograde):
            self._put_into_place(self.parent)

    def from_filename(
        self, filename: str, resources: dict[str, Any] | None = None, **keywords: Any
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """The notebook of this file after all steps.

        Raises:
            SubmissionError: no notebook can be made of the file; nbgrader logs it and goes on with the next.
        """
        path = Path(filename)
        notebook, said = read_submission(path)
        resources = resources if resources is not None else {}
        resources["metadata"] = {"name": path.stem, "path": str(path.parent)}
        resources[SAID] = said
        return self.from_notebook_node(notebook, resources=resources, **keywords)

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
