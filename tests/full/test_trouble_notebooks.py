"""Notebooks as they come back, in kernels: what one cell does costs that cell. And nbgrader's whole way with them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.utils import determine_grade
from traitlets.config import Config

from sparklimits.grading import nbgrader_settings
from sparklimits.grading.execution import PatientExecute
from sparklimits.grading.marks import name_of
from tests.course import Course
from tests.submissions import reference, shortened

LAB = "lab0_measuring"
SCALE = 0.1
FLOOD = "import sys\nfor i in range(15_000):\n    print(i, 'x' * 80)\n    sys.stdout.flush()\n"
#: Whether Spark has no job left a minute later.
IDLE = """\
import time
ends = time.monotonic() + 60
while (jobs := lab.spark.sparkContext.statusTracker().getActiveJobsIds()) and time.monotonic() < ends:
    time.sleep(0.2)
float(not jobs)"""
#: What a student's answer does before it defines its function; none of it is forbidden.
CHATTY = """\
%%time
!pip install nothing-there
%pip install nothing-there
import subprocess, sys
subprocess.check_call([sys.executable, "-m", "pip", "install", "nothing-there"])
"""


def cell(source: str, name: str = "", points: float | None = None, solution: bool = False) -> NotebookNode:
    """A student's cell; with a name, one of nbgrader's."""
    new = new_code_cell(source)
    if name:
        graded = points is not None
        new.metadata.nbgrader = {
            "schema_version": 3, "grade_id": name, "grade": graded, "locked": not solution, "solution": solution,
            "task": False, **({"points": points} if graded else {}),
        }  # fmt: skip
    return new


def graded(
    *cells: NotebookNode, timeout: Callable[[NotebookNode], int] | None = None, **options: int
) -> dict[str, float | None]:
    """The marks of a notebook of these cells, by name, and in the cells their outputs."""
    notebook = new_notebook(cells=list(cells))
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    config = Config()
    nbgrader_settings.apply(config)
    step = PatientExecute(config=config, **options)
    step.timeout_func = timeout
    found, _ = step.preprocess(notebook, {"metadata": {}})
    return {
        name_of(one): determine_grade(one)[0]
        for one in found.cells
        if one.metadata.get("nbgrader", {}).get("grade")
    }


def text_of(one: NotebookNode) -> str:
    return "\n".join(
        str(output.get("text") or output.get("evalue") or output.get("data")) for output in one.outputs
    )


def test_a_flood_of_output_is_cut_and_the_rest_is_graded() -> None:
    flood, pictures = (
        cell(FLOOD),
        cell("from IPython.display import HTML, display\nfor _ in range(900):\n    display(HTML('x'))"),
    )
    large, error = cell("'y' * 10**7"), cell("raise ValueError('z' * 10**7)")
    errors = cell(
        "kernel = get_ipython().kernel\nfor _ in range(50):\n    kernel.send_response(kernel.iopub_socket, 'error', "
        "{'ename': 'E' * 10**5, 'evalue': 'x', 'traceback': ['y'] * 10**4})"
    )
    assert graded(flood, pictures, large, error, errors, cell(f"{FLOOD}\n0.5", "points", 1.0)) == {
        "points": 0.5
    }
    for one in (flood, pictures, large):
        assert "left out" in text_of(one)
    assert text_of(flood).startswith("0 xxx")
    assert max(len(str(one.outputs)) for one in (flood, pictures, large, error, errors)) < 1_000_000


def test_only_a_number_earns_points() -> None:
    marks = graded(
        cell("points = lambda *_, **__: None"), cell("points(0.0)", "none", 4.0), cell("'all'", "text", 4.0),
        cell("float('nan')", "nan", 4.0), cell("3.0;", "hidden", 4.0), cell("3.0", "right", 4.0),
        cell("", "empty", 4.0), cell("-1.0", "negative", 4.0), cell("5.0", "more", 4.0),
    )  # fmt: skip
    assert marks.pop("right") == 3.0
    assert set(marks.values()) == {0}


def test_settings_of_ipython_and_startup_files_change_no_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = tmp_path / "profile_default"
    (profile / "startup").mkdir(parents=True)
    (profile / "ipython_config.py").write_text(
        "c = get_config()\nc.InteractiveShell.ast_node_interactivity = 'all'\n"
        "c.InteractiveShellApp.exec_lines = ['%precision 0', 'share = 1.0']\n"
        "c.InteractiveShellApp.extensions = ['an_extension_that_is_not_there']\n"
    )
    (profile / "startup" / "00-mine.py").write_text("print('hello')\npoints = None\n")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    first, unknown = cell("4.0\n2.5", "last", 4.0), cell("share", "share", 4.0)
    assert graded(first, unknown) == {"last": 2.5, "share": 0.0}
    assert "hello" not in text_of(first)


def test_a_cell_that_is_told_to_be_skipped_earns_nothing() -> None:
    skipped = cell("0.0", "points", 4.0)
    skipped.metadata.tags = ["skip-execution"]
    assert graded(skipped) == {"points": 0.0}


def test_nobody_is_asked_and_nothing_is_installed() -> None:
    asks, answer = cell("name = input('who? ')"), cell(CHATTY + "value = 1.0", "f", solution=True)
    own = Path(sys.executable).parent / "pip"
    more = cell(f"import pip\npip.main(['install', 'x'])\n!{own} uninstall -y numpy\n%conda install x")
    assert graded(asks, answer, more, cell("value", "points", 1.0)) == {"points": 1.0}
    assert "write the value down instead" in text_of(asks)
    assert text_of(answer).count("was not run") >= 2
    assert text_of(more).count("was not run") == 3
    import numpy

    assert numpy.__version__


def test_a_dead_kernel_costs_what_ended_it() -> None:
    own = cell("import os\nos._exit(1)")
    killer = cell("import os\ndef f():\n    os._exit(9)", "f", solution=True)
    good = cell("def g():\n    return 2.0", "g", solution=True)
    marks = graded(
        own, killer, good, cell("f()", "f_test"), cell("g()", "g_test"), cell("f()", "f_points", 2.0),
        cell("g()", "g_points", 2.0),
    )  # fmt: skip
    assert marks == {"f_points": 0, "g_points": 2.0}
    assert "it is left out" in text_of(own)
    assert "f_test ended the kernel: this answer is left out" in text_of(killer)


def test_a_kernel_that_died_by_the_machines_fault_costs_nothing(tmp_path: Path) -> None:
    died = tmp_path / "died"
    once = f"import os, pathlib\np = pathlib.Path({str(died)!r})\nif not p.exists():\n    p.touch()\n    os._exit(9)"
    assert graded(cell(once), cell("1.0", "points", 1.0)) == {"points": 1.0}


def test_a_cell_that_does_not_end_when_interrupted() -> None:
    stuck = """\
import time
def f():
    while True:
        try:
            time.sleep(1)
        except KeyboardInterrupt:
            pass"""
    answer = cell(stuck, "f", solution=True)
    marks = graded(
        answer, cell("f()", "f_test"), cell("1.0", "points", 1.0),
        timeout=lambda one: 3 if one.source == "f()" else 60, grace=3,
    )  # fmt: skip
    assert marks == {"points": 1.0}
    assert "did not end when it was interrupted" in text_of(answer)


def test_a_job_of_spark_that_takes_too_long_costs_its_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKLIMITS_SCALE", "0.05")
    slow = cell(
        "def slow(table):\n    big = table.crossJoin(table.limit(3000).selectExpr('minutes AS more'))\n"
        "    return big.crossJoin(table.limit(3000).selectExpr('minutes AS most')).groupBy('more').count()",
        "slow", solution=True,
    )  # fmt: skip
    quick = cell("def quick(table):\n    return table.limit(3)", "quick", solution=True)
    marks = graded(
        cell(f"from sparklimits.notebook import open_lab\nlab = open_lab('{LAB}')\nvisits = lab.data['visits']"),
        slow, quick, cell("lab.watch(slow, visits)", "slow_test"), cell("lab.watch(quick, visits)", "quick_test"),
        cell(IDLE, "idle_points", 1.0), cell("float('slow' in globals())", "slow_points", 1.0),
        cell("float(len(lab.watch(quick, visits).result))", "quick_points", 3.0),
        timeout=lambda one: 20 if one.source.startswith("lab.watch(slow") else 600,
    )  # fmt: skip
    assert marks == {"idle_points": 1.0, "slow_points": 0.0, "quick_points": 3.0}
    assert "took too long: the function is left out" in text_of(slow)


# nbgrader's whole way


def changed(change: Callable[[NotebookNode, dict[str, NotebookNode]], None]) -> NotebookNode:
    """A right notebook after an accident."""
    notebook = shortened(reference(LAB))
    change(notebook, {name_of(one): one for one in notebook.cells if name_of(one)})
    return notebook


def _bare(notebook: NotebookNode, cells: dict[str, NotebookNode]) -> None:
    cells["bottleneck"].source = f"{CHATTY}{cells['bottleneck'].source}"
    notebook.cells.insert(1, new_code_cell("who = input('name? ')"))
    notebook.cells.insert(2, new_code_cell(FLOOD))
    notebook.metadata = {
        "kernelspec": {"name": "conda-env-spark-py", "display_name": "spark", "language": "python"}
    }
    for one in notebook.cells:
        one.metadata = {}


def _torn(notebook: NotebookNode, cells: dict[str, NotebookNode]) -> None:
    cells["ratio"].source = "def ratio(baseline, candidate)\n    return 1\n"
    cells["fit_in_parallel"].source = "import os\n\n\ndef fit_in_parallel(visits):\n    os._exit(3)\n"
    cells["prediction_points"].metadata.nbgrader.points = 100
    gone = ("bottleneck_points", "bottleneck_test")
    notebook.cells = [
        one for one in notebook.cells if name_of(one) not in gone and "open_lab(" not in one.source
    ]


FULL = {
    "prediction_points": 1.0, "questions_points": 2.0, "fit_in_parallel_points": 4.0, "ratio_points": 5.0,
    "bottleneck_points": 5.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """Submissions of three students in a folder with a space and an umlaut, autograded once."""
    course = Course(tmp_path_factory.mktemp("Jürgens Kurs"), LAB)
    course.submit({"torn": changed(_torn)}, LAB)
    submitted = course.folder / "submitted"
    elsewhere = submitted / "Anna Groß" / "handed in" / f"{LAB} (1).ipynb"
    elsewhere.parent.mkdir(parents=True)
    nbformat.write(changed(_bare), elsewhere)
    (submitted / "cut" / LAB).mkdir(parents=True)
    (submitted / "cut" / LAB / f"{LAB}.ipynb").write_text(nbformat.writes(reference(LAB))[:9_000])
    course.log = course.nbgrader("autograde", LAB, check=False, scale=SCALE)  # type: ignore[attr-defined]
    return course


def test_lost_metadata_a_wrong_place_and_harmless_habits_cost_nothing(course: Course) -> None:
    assert course.scores("Anna Groß", LAB) == FULL
    log = course.log  # type: ignore[attr-defined]
    assert f"{LAB} (1).ipynb lies where nbgrader does not look: it was copied" in log
    assert "without nbgrader's metadata, which comes from the release" in log


def test_deleted_cells_are_put_back_and_what_ends_the_kernel_costs_its_function(course: Course) -> None:
    scores = course.scores("torn", LAB)
    assert {name: scores[name] for name in FULL} == FULL | {
        "fit_in_parallel_points": 0.0,
        "ratio_points": 0.0,
    }
    assert "bottleneck_points were deleted: put back" in course.log  # type: ignore[attr-defined]


def test_a_file_that_is_cut_off_gets_a_sentence_and_the_batch_goes_on(course: Course) -> None:
    assert f"{LAB}.ipynb ends in the middle: it was not saved or sent as a whole" in course.log  # type: ignore[attr-defined]
    assert not (course.folder / "autograded" / "cut" / LAB / f"{LAB}.ipynb").exists()


def test_feedback_says_what_was_done_and_gives_no_hidden_test_away(course: Course) -> None:
    course.nbgrader("generate_feedback", LAB)
    for student in ("torn", "Anna Groß"):
        page = (course.folder / "feedback" / student / LAB / f"{LAB}.html").read_text()
        assert "Before grading:" in page
        for secret in ("41_275", "41275", "also_on", "73_519", "HIDDEN TESTS", "51139", "8710622"):
            assert secret not in page, secret
