"""nbgrader from release to feedback on whole submissions of lab 0, which is graded by counters alone.

So little data are enough. Labs that the clock grades too, at full size: ``tests/nightly``.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from sparklimits.grading.check import check
from tests.course import Course
from tests.submissions import NOISE, reference, shortened, with_cells

LAB = "lab0_measuring"
SCALE = 0.1
#: Two of three functions broken, each in its own way; the third is right.
BROKEN = {
    "fit_in_parallel": "def fit_in_parallel(visits:\n    return None\n",
    "ratio": "def ratio(baseline, candidate):\n    return 1.0, 1.0, 1.0\n",
}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The submissions of this module, autograded once.

    The noisy one runs as a student's does; from the broken one the cells that only look at something were deleted.
    """
    course = Course(tmp_path_factory.mktemp("course"), LAB)
    answers = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in reference(LAB).cells
        if "nbgrader" in cell.metadata
    }
    broken = with_cells(
        LAB, {"bottleneck": answers["bottleneck"], "prediction": answers["prediction"], **BROKEN}
    )
    other = reference(LAB)
    other.metadata["sparklimits"]["version"] = "0.9.0"
    course.submit(
        {"noisy": reference(LAB, before=NOISE), "broken": shortened(broken), "other": other}, lab=LAB
    )
    course.log = course.nbgrader("autograde", LAB, check=False, scale=SCALE)  # type: ignore[attr-defined]
    return course


def test_a_right_notebook_that_prints_warnings_gets_full_marks(course: Course) -> None:
    assert course.scores("noisy", LAB) == {
        "prediction_points": 1.0,
        "questions_points": 2.0,
        "fit_in_parallel_points": 4.0,
        "ratio_points": 5.0,
        "bottleneck_points": 5.0,
    }


def test_a_cell_that_does_not_parse_and_a_wrong_answer_cost_their_own_marks_only(course: Course) -> None:
    scores = course.scores("broken", LAB)
    assert scores["fit_in_parallel_points"] == 0.0
    assert scores["ratio_points"] == 0.0
    assert scores["bottleneck_points"] == 5.0
    assert scores["explain"] == 0.0


def test_another_version_is_refused_by_name_and_the_batch_goes_on(course: Course) -> None:
    assert "was made for version 0.9.0 of sparklimits" in course.log  # type: ignore[attr-defined]
    assert not (course.folder / "autograded" / "other" / LAB / f"{LAB}.ipynb").exists()
    assert (course.folder / "autograded" / "noisy" / LAB / f"{LAB}.ipynb").exists()


def test_feedback_shows_the_pictures_and_not_the_hidden_tests(course: Course) -> None:
    course.nbgrader("generate_feedback", LAB, "--student", "noisy")
    page = (course.folder / "feedback" / "noisy" / LAB / f"{LAB}.html").read_text()
    assert "data:image/png;base64" in page
    assert "full marks from" in page
    assert "41_275" not in page
    assert "also_on" not in page


def test_check_gives_the_same_score(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKLIMITS_SCALE", str(SCALE))
    path = tmp_path / f"{LAB}.ipynb"
    nbformat.write(course.submissions["broken"], path)
    found = {mark.cell: mark.points for mark in check(path)[0]}
    graded = course.scores("broken", LAB)
    assert {name: found[name] for name in graded if name != "explain"} == {
        name: points for name, points in graded.items() if name != "explain"
    }
