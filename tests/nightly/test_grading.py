"""nbgrader at full size on lab 2, where the clock gives marks: nothing else may run on the machine.

Several times and under load, for every lab: ``benchmarks/grading.py``.
"""

from __future__ import annotations

import pytest

from tests.course import Course
from tests.submissions import LAB, four, shortened

PERFORMANCE = ("speed_points", "item_trends_points", "item_pairs_points")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    course = Course(tmp_path_factory.mktemp("course"), LAB)
    course.submit({name: shortened(notebook) for name, notebook in four().items()})
    course.nbgrader("autograde", LAB)
    return course


@pytest.mark.parametrize(
    ("student", "expected"),
    [("reference", [8.0, 4.0, 4.0]), ("untouched", [0.0, 0.0, 0.0]), ("wrong", [0.0, 0.0, 0.0])],
)
def test_the_performance_marks(course: Course, student: str, expected: list[float]) -> None:
    scores = course.scores(student)
    assert [scores[name] for name in PERFORMANCE] == expected


def test_a_half_fixed_notebook_gets_a_part(course: Course) -> None:
    scores = course.scores("half")
    assert scores["item_pairs_points"] == 4.0
    assert scores["item_trends_points"] == 0.0
    assert 4.0 < sum(scores.values()) < 17.0
