"""`nbgrader export` for this course: a mark that is not made yet is no zero."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Assignment, Gradebook, MissingEntry, Student, SubmittedAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import ExportPlugin

from sparklimits.grading.batch.outcome import MISSING, PENDING
from sparklimits.grading.batch.table import plain
from sparklimits.grading.marks import verdict_of

#: The status of a mark that stands.
GRADED = "graded"
#: nbgrader's own, and what its export lacks.
COLUMNS = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
    "late_submission_penalty", "score", "max_score", "status",
)  # fmt: skip


class ClassExport(ExportPlugin):  # type: ignore[misc]
    """Writes a line for each assignment and student, in nbgrader's columns and one more, ``status``.

    It is ``graded``; ``missing``, for one who handed nothing in; ``pending``, for what is not graded, or waits for a
    person; ``suspicious`` or ``inconclusive``, as long as no person has decided. ``score`` is empty unless it is
    ``graded``; ``raw_score`` holds the points so far.
    """

    def export(self, gradebook: Gradebook) -> None:
        """Writes the file ``to``, or ``grades.csv``."""
        target = self.to or "grades.csv"
        self.log.info("Exporting grades to %s", target)
        with open(target, "w", encoding="utf-8", errors="backslashreplace", newline="") as output:
            writer = csv.DictWriter(output, COLUMNS, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows(gradebook))

    def _rows(self, gradebook: Gradebook) -> Iterator[dict[str, Any]]:
        students = {student.id: student for student in gradebook.students}
        for assignment in gradebook.assignments:
            if self.assignment and assignment.name not in self.assignment:
                continue
            for name in sorted(students.keys() | self._handed_in(assignment.name)):
                if not self.student or name in map(str, self.student):
                    row = self._row(gradebook, assignment, name, students.get(name))
                    yield {column: plain(str(value)) for column, value in row.items() if value is not None}

    def _row(
        self, gradebook: Gradebook, assignment: Assignment, name: str, student: Student | None
    ) -> dict[str, Any]:
        row = {"assignment": assignment.name, "duedate": assignment.duedate, "student_id": name}
        row |= {column: getattr(student, column, None) for column in ("last_name", "first_name", "email")}
        row["max_score"] = assignment.max_score
        try:
            submission = gradebook.find_submission(assignment.name, name)
        except MissingEntry:
            there = name in self._handed_in(assignment.name)
            return {**row, "status": PENDING if there else MISSING}
        status, penalty = self._status(submission, name), submission.late_submission_penalty
        row |= {"timestamp": submission.timestamp, "late_submission_penalty": penalty, "status": status}
        if (self._folder("autograded", assignment.name, name)).is_dir():
            row["raw_score"] = submission.score
        if status == GRADED:
            row["score"] = max(0.0, submission.score - (penalty or 0.0))
        return row

    def _status(self, submission: SubmittedAssignment, student: str) -> str:
        """What stands of a submission that the gradebook knows: also of one that could not be graded."""
        name = submission.name
        file = self._folder("autograded", name, student) / f"{name}.ipynb"
        if not file.is_file():
            return PENDING
        if not submission.needs_manual_grade:
            return GRADED
        waits = [
            grade
            for notebook in submission.notebooks
            for grade in notebook.grades
            if grade.needs_manual_grade
        ]
        undecided = any(grade.auto_score is not None and grade.manual_score is None for grade in waits)
        verdict = verdict_of(nbformat.read(file, as_version=4))
        return verdict if undecided and verdict else PENDING

    def _handed_in(self, assignment: str) -> set[str]:
        return {
            path.parent.name
            for path in self._folder("submitted", assignment, "*").parents[1].glob(f"*/{assignment}")
        }

    def _folder(self, step: str, assignment: str, student: str) -> Path:
        where: CourseDirectory = self.parent.coursedir
        directory = getattr(where, f"{step}_directory")
        return Path(where.format_path(directory, student, assignment))
