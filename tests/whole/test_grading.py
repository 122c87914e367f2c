"""nbgrader from release to feedback on whole submissions of lab 0, which is graded by counters alone.

So little data are enough. Labs that the clock grades too, at full size: ``tests/nightly``. That ``check`` gives the
same marks: ``tests/full/test_trouble_notebooks.py``.
"""

from __future__ import annotations

import pytest

from tests.course import Course
from tests.submissions import NOISE, reference, shortened

LAB = "lab0_measuring"
SCALE = 0.1
#: Two of three functions broken, each in its own way; the third is right.
BROKEN = {
    "ratio": "def ratio(baseline, candidate):\n    return 1.0, 1.0, 1.0\n",
    "bottleneck": "def bottleneck(run:\n    return None\n",
}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The submissions of this module, autograded once.

    From the noisy one the cells that only look at something were deleted; what is right in it prints warnings.
    """
    course = Course(tmp_path_factory.mktemp("course"), LAB)
    noisy = shortened(reference(LAB, before=NOISE))
    for cell in noisy.cells:
        cell.source = BROKEN.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""), cell.source)
    other = reference(LAB)
    other.metadata["sparklimits"]["version"] = "0.9.0"
    course.submit({"noisy": noisy, "other": other}, lab=LAB)
    course.log = course.nbgrader("autograde", LAB, check=False, scale=SCALE)  # type: ignore[attr-defined]
    return course


def test_warnings_cost_nothing_and_a_broken_function_its_own_marks_only(course: Course) -> None:
    assert course.scores("noisy", LAB) == {
        "prediction_points": 1.0,
        "questions_points": 2.0,
        "fit_in_parallel_points": 4.0,
        "ratio_points": 0.0,  # wrong answers
        "bottleneck_points": 0.0,  # a cell that does not parse
    }


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
