"""`sparklimits lint`: every slip of an instructor's change has a message with its remedy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from sparklimits.cli import main
from sparklimits.grading.lint import lint
from sparklimits.grading.marks import name_of, written_out
from sparklimits.grading.student_copy import student_copy
from tests.submissions import ROOT

LAB = "lab2_skew"


@pytest.fixture
def change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Changes the cells that have a name, in a copy of the course; gives what lint says of it."""
    for folder in ("labs", "solutions"):
        shutil.copytree(ROOT / folder / LAB, tmp_path / folder / LAB)
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / f"{LAB}.md").touch()
    (tmp_path / "nbgrader_config.py").touch()
    monkeypatch.setenv("SPARKLIMITS_HOME", str(tmp_path))

    def changed(
        edit: Callable[[NotebookNode, dict[str, NotebookNode]], object], in_step: bool = True
    ) -> list[str]:
        source = tmp_path / "solutions" / LAB / f"{LAB}.ipynb"
        notebook = nbformat.read(source, as_version=4)
        edit(notebook, {name_of(cell): cell for cell in notebook.cells if name_of(cell)})
        nbformat.write(notebook, source)
        found = [str(problem) for problem in lint(LAB)]
        if in_step and not [one for one in found if "not in step" not in one]:
            nbformat.write(student_copy(notebook), tmp_path / "labs" / LAB / f"{LAB}.ipynb")
            found = [str(problem) for problem in lint(LAB)]
        return found

    return changed


def replaced(name: str, old: str, new: str) -> Callable[[NotebookNode, dict[str, NotebookNode]], None]:
    def edit(notebook: NotebookNode, cells: dict[str, NotebookNode]) -> None:
        assert old in cells[name].source
        cells[name].source = cells[name].source.replace(old, new)

    return edit


def settings(name: str, **values: object) -> Callable[[NotebookNode, dict[str, NotebookNode]], None]:
    return lambda notebook, cells: cells[name].metadata["nbgrader"].update(values)


def own_question(notebook: NotebookNode, cells: dict[str, NotebookNode]) -> None:
    """Two points more: a cell to write in, a graded one, and a heading."""
    answer = nbformat.v4.new_code_cell(
        "my_answer = None\n### BEGIN SOLUTION\nmy_answer = 16\n### END SOLUTION"
    )
    answer.metadata["nbgrader"] = {
        "grade": False,
        "grade_id": "own",
        "locked": False,
        "schema_version": 3,
        "solution": True,
        "task": False,
    }
    graded = nbformat.v4.new_code_cell("points(float(my_answer == 16))")
    graded.metadata["nbgrader"] = {
        "grade": True,
        "grade_id": "own_points",
        "locked": True,
        "points": 2,
        "schema_version": 3,
        "solution": False,
        "task": False,
    }
    notebook.cells += [
        nbformat.v4.new_markdown_cell("### How many partitions? ({points: own_points})"),
        answer,
        graded,
    ]


def test_a_lab_that_is_whole_has_nothing_to_fix(
    change: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert change(lambda notebook, cells: None) == []
    assert main(["lint", LAB]) == 0
    assert capsys.readouterr().out == "Nothing to fix.\n"


def test_an_instructors_own_question_and_other_points_are_no_mistake(
    change: Callable[..., list[str]],
) -> None:
    assert change(own_question) == []
    assert change(settings("item_pairs_points", points=2)) == []


def test_a_function_without_hints_is_named(
    change: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sparklimits.labs.hints", lambda lab: {"item_trends": ("a", "b", "c")})
    (found,) = change(lambda notebook, cells: None)
    assert found.startswith(f"{LAB}, cell item_pairs: it has no hints. Add a question")


def test_points_follow_from_the_metadata_alone(change: Callable[..., list[str]]) -> None:
    notebook = nbformat.read(ROOT / "solutions" / LAB / f"{LAB}.ipynb", as_version=4)
    for cell in notebook.cells:
        if name_of(cell) == "item_pairs_points":
            cell.metadata["nbgrader"]["points"] = 2
    text = "\n".join(cell.source for cell in written_out(notebook).cells)
    assert 'points(result.share("item_pairs"), most=2)' in text
    assert "less work, evenly spread (2 points for balance, 1 point for exact counts)" in text
    assert "19 in all" in text


def test_a_copy_that_is_not_in_step_is_named(
    change: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    (found,) = change(settings("item_pairs_points", points=2), in_step=False)
    assert found == (
        f"{LAB}: the student's copy is not in step with it. Run `nbgrader generate_assignment {LAB} --force`."
    )
    assert main(["lint", LAB]) == 1
    assert "1 to fix" in capsys.readouterr().out


def code(source: str) -> Callable[[NotebookNode, dict[str, NotebookNode]], object]:
    """One cell more, of nobody in particular."""
    return lambda notebook, cells: notebook.cells.append(nbformat.v4.new_code_cell(source))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("item_pairs = lab.watch(naive.item_pairs, ratings)", "item_pairs"),
        ("F = 3", "F"),
        ("for F in range(3):\n    pass", "F"),
        ("import functools as F", "F"),
        ("with open('x') as (item_trends, y):\n    pass", "item_trends"),
        ("if True:\n    def item_trends(ratings):\n        return ratings", "item_trends"),
        ("naive = None", "naive"),
    ],
)
def test_a_cell_that_gives_an_answers_name_another_meaning_is_named(
    change: Callable[..., list[str]], source: str, name: str
) -> None:
    found = change(code(source))
    assert any(f"gives {name} another meaning than an answer uses" in problem for problem in found), found


@pytest.mark.parametrize(
    "source",
    [
        "from pyspark.sql import functions as F",
        "def mine(item_pairs):\n    F = item_pairs\n    return F",
        "[F for F in range(3)]",
        "something_else = 1",
    ],
)
def test_the_same_meaning_or_a_name_of_its_own_is_none(change: Callable[..., list[str]], source: str) -> None:
    assert change(code(source)) == []


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (replaced("speed_points", "points(result", "points(4, result"), "it has points of its own. Write points(share)"),  # noqa: E501
        (replaced("speed_points", "points(result.share", "(result.share"), "does not end with points(…)"),
        (replaced("speed_points", '"speed"', '"sped"'), "asks for the share 'sped', and the lab's are speed, item_trends"),  # noqa: E501
        (settings("item_pairs", grade_id="item_pair"), "no cell for the function item_pairs. Name the cell"),
        (settings("item_pairs", grade_id="item_trends"), "2 cells have this name"),
        (settings("item_pairs", solution=False), "no solution cell, so students could not write in it"),
        (replaced("item_pairs", "### BEGIN SOLUTION", "# my solution"), "no solution stands between"),
        (replaced("item_pairs", "def item_pairs(", "def pairs_of_items("), "it does not define item_pairs"),
        (replaced("item_pairs", "return naive.item_pairs(ratings)", "return None"), "does not fall back to the naive way"),  # noqa: E501
        (settings("explain", grade_id="why"), "a text asks for the points of explain. Name a graded cell"),
        (settings("speed_points", task=True, locked=False), "a task cell that is not locked"),
        (lambda notebook, cells: cells["speed_points"].metadata["nbgrader"].pop("points"), "graded and has no points"),
        (lambda notebook, cells: notebook.cells.append(nbformat.v4.new_markdown_cell("## More (3 points)")), "points written out"),  # noqa: E501
        (lambda notebook, cells: notebook.cells.append(nbformat.v4.new_markdown_cell("long " * 6_000)), "characters of text"),  # noqa: E501
        (lambda notebook, cells: notebook.metadata["sparklimits"].update(version="1.4.0"), "its metadata names version 1.4.0"),  # noqa: E501
        (
            lambda notebook, cells: cells["prove"].update(outputs=[nbformat.v4.new_output("stream", text="x")]),
            "it holds stored outputs",
        ),
    ],
)  # fmt: skip
def test_each_slip_has_its_message(
    change: Callable[..., list[str]],
    edit: Callable[[NotebookNode, dict[str, NotebookNode]], object],
    says: str,
) -> None:
    found = change(edit)
    assert any(says in problem for problem in found), found


def test_a_notebook_that_is_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKLIMITS_HOME", str(tmp_path))
    (found,) = lint(LAB)
    assert "There is no file" in str(found)
