"""nbgrader, headless, on whole submissions: autograde, feedback, and `check`.

The right one is graded at full size, where the bars hold; those that get less are graded on less data. All four at
full size, several times and under load: ``benchmarks/grading.py``. Validate: ``test_browser.py``.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from sparklimits.grading.check import check
from tests.course import Course
from tests.submissions import LAB, NOISE, four, reference, shortened

PERFORMANCE = ("speed_points", "item_trends_points", "item_pairs_points")


pytestmark = pytest.mark.usefixtures("as_users_have_it")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, as_users_have_it: None) -> Course:
    """The submissions of this module, autograded once; ``other`` was made for another major version.

    One is whole and runs like a student's; of the others, the cells that only look at something were deleted.
    """
    course = Course(tmp_path_factory.mktemp("course"), LAB)
    submissions = {name: shortened(notebook) for name, notebook in four().items() if name != "reference"}
    submissions["noisy"] = reference(before=NOISE)
    other = reference()
    other.metadata["sparklimits"]["version"] = "0.9.0"
    course.submit({**submissions, "other": other})
    course.nbgrader("autograde", LAB, "--student", "noisy")
    for student in ("untouched", "half", "wrong"):
        course.nbgrader("autograde", LAB, "--student", student, scale=0.3)
    course.log = course.nbgrader("autograde", LAB, check=False, scale=0.3)  # type: ignore[attr-defined]
    return course


def test_a_right_notebook_that_prints_warnings_gets_full_marks(course: Course) -> None:
    assert course.scores("noisy") == {
        "prediction_points": 1.0,
        "speed_points": 8.0,
        "item_trends_points": 4.0,
        "item_pairs_points": 4.0,
    }


def test_an_untouched_notebook_gets_no_performance_marks(course: Course) -> None:
    scores = course.scores("untouched")
    assert [scores[name] for name in PERFORMANCE] == [0.0, 0.0, 0.0]
    assert scores["explain"] == 0.0


def test_a_half_fixed_notebook_gets_a_part(course: Course) -> None:
    scores = course.scores("half")
    assert scores["item_pairs_points"] == 4.0
    assert scores["item_trends_points"] == 0.0
    assert 0.0 <= scores["speed_points"] <= 8.0
    assert 4.0 < sum(scores.values()) < 17.0


def test_a_fast_but_wrong_notebook_gets_no_performance_marks(course: Course) -> None:
    scores = course.scores("wrong")
    assert [scores[name] for name in PERFORMANCE] == [0.0, 0.0, 0.0]


def test_another_version_is_refused_by_name_and_the_batch_goes_on(course: Course) -> None:
    assert "was made for version 0.9.0 of sparklimits" in course.log  # type: ignore[attr-defined]
    assert not (course.folder / "autograded" / "other" / LAB / f"{LAB}.ipynb").exists()
    assert (course.folder / "autograded" / "noisy" / LAB / f"{LAB}.ipynb").exists()


def test_feedback_shows_the_pictures_and_not_the_hidden_tests(course: Course) -> None:
    course.nbgrader("generate_feedback", LAB, "--student", "noisy")
    page = (course.folder / "feedback" / "noisy" / LAB / f"{LAB}.html").read_text()
    assert "data:image/png;base64" in page
    assert "full marks from" in page
    assert "90_417" not in page
    assert "also_on" not in page


def test_check_gives_the_same_score(tmp_path: Path) -> None:
    path = tmp_path / f"{LAB}.ipynb"
    nbformat.write(shortened(reference()), path)
    marks = {mark.cell: mark for mark in check(path)}
    assert {name: marks[name].points for name in PERFORMANCE} == dict(
        zip(PERFORMANCE, (8.0, 4.0, 4.0), strict=True)
    )
    assert marks["explain"].points is None, "a person grades it"
