"""Steps that the course adds to nbgrader's own."""

from __future__ import annotations

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades
from nbgrader.utils import is_grade

from sparklimits import labs
from sparklimits.grading import hidden, hints, marks, names
from sparklimits.grading.batch import instructor
from sparklimits.grading.marks import OURS, name_of, verdict_of
from sparklimits.grading.recovery import recover, release_of

#: Where :class:`sparklimits.grading.exporter.SubmissionExporter` leaves what was odd about the file.
SAID = "sparklimits_said"
#: Verdicts over which a person decides.
FOR_A_PERSON = ("suspicious", "inconclusive")
_GRADERS = "graders"


class Recover(NbGraderPreprocessor):
    """Makes of what a student handed in a notebook that can be graded. The first step of autograding.

    What was done to it is logged, and stands on top of the notebook, for the grader and for the student's feedback. So
    do the hints that the student has opened.
    """

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """The notebook with the release's cells, as far as those were lost.

        Raises:
            SubmissionError: another version or another lab; nbgrader logs it and goes on with the next submission.
        """
        name = str(resources.get("unique_key", "notebook"))
        nb, said = recover(nb, release_of(name), f"{name}.ipynb")
        said = [*resources.get(SAID, ()), *said]
        for sentence in said:
            self.log.warning("%s of %s: %s", name, resources["nbgrader"]["student"], sentence)
        said += hints.sentences(hints.opened(nb))
        if said:
            nb.cells.insert(
                0, new_markdown_cell("\n".join(["Before grading:\n", *(f"- {one}" for one in said)]))
            )
        return nb, resources


class SaveGrades(SaveAutoGrades):  # type: ignore[misc]
    """Writes the marks into the gradebook. What a person decides over is marked so, for formgrader and for the export.

    That is a cell that lost points to a measurement which is suspicious, or was not decided.
    """

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """The same notebook."""
        self._for_a_person = verdict_of(nb) in FOR_A_PERSON
        found: tuple[NotebookNode, ResourcesDict] = super().preprocess(nb, resources)
        return found

    def _add_score(self, cell: NotebookNode, resources: ResourcesDict) -> None:
        super()._add_score(cell, resources)
        if not self._for_a_person or cell.cell_type != "code" or "result" not in names.used(cell.source):
            return
        grade = self.gradebook.find_grade(
            name_of(cell), self.notebook_id, self.assignment_id, self.student_id
        )
        if grade.auto_score is not None and grade.auto_score < cell.metadata.nbgrader.points:
            grade.needs_manual_grade = True
            self.gradebook.db.commit()


class ShowRubrics(NbGraderPreprocessor):
    """Puts the instructor's rubric below each written answer: for the person who grades it, in formgrader."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """The notebook with a cell more for each answer that a person grades."""
        name = str(resources.get("unique_key", ""))
        rubrics = instructor.rubrics(name) if name in labs.ids() else {}
        cells = []
        for cell in nb.cells:
            cells.append(cell)
            if is_grade(cell) and name_of(cell) in rubrics:
                text = f"**For you who grade; students do not see this.**\n\n{rubrics[name_of(cell)]}"
                cells.append(new_markdown_cell(text, metadata={OURS: {"for": _GRADERS}}))
        nb.cells = cells
        return nb, resources


class ClearHiddenOutputs(NbGraderPreprocessor):
    """Takes out what is for those who grade alone, and out of the outputs what tells about hidden tests.

    The first step of feedback: it reads the source of the tests.
    """

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """The notebook as a student may see it, but for the hidden lines themselves."""
        nb.cells = [cell for cell in nb.cells if cell.metadata.get(OURS, {}).get("for") != _GRADERS]
        return hidden.without_traces(nb), resources


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
