"""`nbgrader export`, and what a person decides over: a mark that is not made yet is told from a zero."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from nbgrader import api
from nbgrader.api import Gradebook
from nbgrader.apps.exportapp import ExportApp
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import SaveCells
from traitlets.config import Config

from sparklimits.grading import nbgrader_settings
from sparklimits.grading.batch import instructor
from sparklimits.grading.export import COLUMNS, ClassExport
from sparklimits.grading.preprocessors import ClearHiddenOutputs, SaveGrades, ShowRubrics
from tests.submissions import released

LAB = "lab0_measuring"


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A course folder with a gradebook that knows lab 0."""
    # nbgrader asks a program of its own for the version of a new gradebook's form, which takes seconds.
    monkeypatch.setattr(api, "get_alembic_version", lambda: "today")
    where = CourseDirectory(root=str(tmp_path))
    notebook = nbformat.read(instructor.reference_path(instructor.labs.find(LAB)), as_version=4)
    resources: dict[str, Any] = {"nbgrader": {
        "notebook": LAB, "assignment": LAB, "student": ".", "db_url": where.db_url,
    }}  # fmt: skip
    with Gradebook(where.db_url) as book:
        book.add_assignment(LAB)
    SaveCells()(notebook, resources)
    return SimpleNamespace(folder=tmp_path, where=where, resources=resources)


def grade(
    course: SimpleNamespace, student: str, verdict: str, share: float = 1.0, answer: float | None = 3.0
) -> None:
    """Autogrades a submission whose marks are this share, and gives the written answer so many points by hand."""
    hand_in(course, student)
    notebook = released(LAB)
    if verdict:
        notebook.metadata["sparklimits"]["verdict"] = verdict
    for cell in notebook.cells:
        settings = cell.metadata.get("nbgrader", {})
        if settings.get("grade_id") == "explain":
            cell.source = "An answer."  # nbgrader itself gives none for an untouched one
        if cell.cell_type == "code" and settings.get("grade"):
            cell.outputs = [
                nbformat.v4.new_output(
                    "execute_result", data={"text/plain": repr(share * settings["points"])}
                )
            ]
    with Gradebook(course.where.db_url) as book:
        book.update_or_create_student(student)
        book.update_or_create_submission(LAB, student, timestamp=datetime(2026, 11, 1))
    course.resources["nbgrader"]["student"] = student
    SaveGrades()(notebook, course.resources)
    folder = course.folder / "autograded" / student / LAB
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{LAB}.ipynb")
    if answer is not None:
        decide(course, student, "explain", answer)


def decide(course: SimpleNamespace, student: str, cell: str, points: float) -> None:
    """What formgrader does when a person enters points."""
    with Gradebook(course.where.db_url) as book:
        found = book.find_grade(cell, LAB, LAB, student)
        found.manual_score, found.needs_manual_grade = points, False
        book.db.commit()


def hand_in(course: SimpleNamespace, student: str) -> None:
    folder = course.folder / "submitted" / student / LAB
    folder.mkdir(parents=True)
    nbformat.write(released(LAB), folder / f"{LAB}.ipynb")


def exported(course: SimpleNamespace, **options: Any) -> dict[str, dict[str, str]]:
    plugin = ClassExport(
        parent=ExportApp(coursedir=course.where), to=str(course.folder / "out.csv"), **options
    )
    with Gradebook(course.where.db_url) as book:
        plugin.export(book)
    with open(plugin.to, newline="") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


def test_it_is_the_export_of_the_course() -> None:
    config = Config()
    nbgrader_settings.apply(config)
    assert config.ExportApp.plugin_class is ClassExport
    assert COLUMNS[:-1] == (
        "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
        "late_submission_penalty", "score", "max_score",
    )  # fmt: skip


def test_a_zero_is_told_from_what_is_no_mark(course: SimpleNamespace) -> None:
    grade(course, "zero", "failed", share=0.0, answer=0.0)
    grade(course, "full", "passed")
    grade(course, "answer-waits", "passed", answer=None)
    grade(course, "half", "inconclusive", share=0.5)
    grade(course, "eve", "suspicious", share=0.0)
    hand_in(course, "not-graded")
    with Gradebook(course.where.db_url) as book:
        book.update_or_create_student("absent", last_name="=Smith, Jr.")
        # One that could not be graded: nbgrader has made a line for it before it tried.
        book.update_or_create_student("refused")
        book.update_or_create_submission(LAB, "refused")
    hand_in(course, "refused")
    found = exported(course)
    told = {name: (row["status"], row["raw_score"], row["score"]) for name, row in found.items()}
    assert told == {
        "zero": ("graded", "0.0", "0.0"),
        "full": ("graded", "20.0", "20.0"),
        "answer-waits": ("pending", "17.0", ""),
        "half": ("inconclusive", "11.5", ""),
        "eve": ("suspicious", "3.0", ""),
        "not-graded": ("pending", "", ""),
        "absent": ("missing", "", ""),
        "refused": ("pending", "", ""),
    }
    assert {row["max_score"] for row in found.values()} == {"20.0"}
    assert found["absent"]["last_name"] == "'=Smith, Jr.", "no formula, and no column more"


def test_what_a_person_has_decided_stands(course: SimpleNamespace) -> None:
    grade(course, "eve", "suspicious", share=0.0)
    for cell in ("fit_in_parallel_points", "ratio_points"):
        decide(course, "eve", cell, 4.0)
    assert exported(course)["eve"]["status"] == "suspicious"
    decide(course, "eve", "bottleneck_points", 0.0)
    row = exported(course)["eve"]
    assert (row["status"], row["score"]) == ("graded", "11.0")


def test_cells_that_lost_nothing_to_the_measurement_wait_for_nobody(course: SimpleNamespace) -> None:
    grade(course, "ann", "inconclusive", share=1.0)
    assert exported(course)["ann"]["status"] == "graded"


def test_one_student_or_lab_alone(course: SimpleNamespace) -> None:
    for name in ("ann", "bob"):
        grade(course, name, "passed")
    assert exported(course, student=["bob"]).keys() == {"bob"}
    assert exported(course, assignment=["lab1_memory"]) == {}


def test_the_rubric_stands_below_the_answer_for_graders_alone() -> None:
    notebook, resources = ShowRubrics()(released(LAB), {"unique_key": LAB})
    names = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in notebook.cells]
    below = notebook.cells[names.index("explain") + 1]
    assert "A point for each fact below" in below.source
    assert "Three answers, marked" in below.source
    assert len(notebook.cells) == len(released(LAB).cells) + 1
    seen, _ = ClearHiddenOutputs()(notebook, resources)
    assert "A point for each fact below" not in nbformat.writes(seen)
    assert len(seen.cells) == len(released(LAB).cells)


def test_both_are_steps_of_autograding() -> None:
    config = Config()
    nbgrader_settings.apply(config)
    steps = config.Autograde.autograde_preprocessors
    assert steps.index(SaveGrades) < steps.index(ShowRubrics), "or nbgrader would look for its marks"
