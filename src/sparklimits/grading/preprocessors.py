"""Steps that the course adds to nbgrader's own."""

from __future__ import annotations

from pathlib import Path

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from sparklimits.grading.submission import check_version


class RefuseOtherVersion(NbGraderPreprocessor):
    """Stops the grading of a notebook that was made for another major version, by name."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """The same notebook.

        Raises:
            SubmissionError: another major version; nbgrader logs it and goes on with the next submission.
        """
        check_version(nb, Path(f"{resources.get('unique_key', 'notebook')}.ipynb"))
        return nb, resources
