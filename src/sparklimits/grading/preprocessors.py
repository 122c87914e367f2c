"""Steps that the course adds to nbgrader's own."""

from __future__ import annotations

from pathlib import Path

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from sparklimits.grading import marks
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


class WritePoints(NbGraderPreprocessor):
    """Writes the points of each cell, which stand in its metadata, into the cell and into the headings.

    The first step from a solution to a student's copy, and from a solution to its validation.
    """

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """The notebook with its points written out.

        Raises:
            SubmissionError: a cell or a heading asks for points that do not exist; the message names it.
        """
        return marks.written_out(nb), resources


class KeepCells(NbGraderPreprocessor):
    """Makes every cell of code undeletable in a student's copy, as nbgrader's LockCells does with its own cells.

    Graded cells need what the others define: the one that opens the lab, above all. JupyterLab deletes a cell on two
    keys and says nothing. Cells that a student adds can be deleted, and all but locked ones can be edited.
    """

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """The same cell, kept."""
        if cell.cell_type == "code":
            cell.metadata["deletable"] = False
        return cell, resources
