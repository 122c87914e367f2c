"""Hints: three rungs for each function, none of which holds its answer, and a record of what was opened."""

from __future__ import annotations

import re
from types import SimpleNamespace

import nbformat
import pytest

from sparklimits import labs
from sparklimits.errors import SparkLimitsError
from sparklimits.grading import hints
from sparklimits.grading.leaks import Secret, leaks, secrets
from sparklimits.grading.marks import name_of
from sparklimits.grading.recovery import recover, release_of
from sparklimits.labs import ids
from sparklimits.notebook import OpenLab
from tests.submissions import LAB, ROOT, reference, released

CASES = [(lab, function) for lab in ids() for function in labs.hints(lab)]


def notebook_of(lab: str) -> nbformat.NotebookNode:
    return nbformat.read(ROOT / "solutions" / lab / f"{lab}.ipynb", as_version=4)


def functions_of(lab: str) -> list[str]:
    """What a student writes: the solution cells that define a function of their own name."""
    return [
        name_of(cell)
        for cell in notebook_of(lab).cells
        if cell.metadata.get("nbgrader", {}).get("solution") and f"def {name_of(cell)}(" in cell.source
    ]


def answer_of(lab: str, function: str) -> Secret:
    (answer,) = (one for one in secrets(notebook_of(lab)) if one.cell == function)
    return answer


@pytest.mark.parametrize("lab", ids())
def test_each_function_has_three_rungs_and_a_cell_for_them_before_its_own(lab: str) -> None:
    functions = functions_of(lab)
    assert list(labs.hints(lab)) == functions
    sources = [cell.source for cell in released(lab).cells]
    for function in functions:
        question, _, neighbour = labs.hints(lab)[function]
        assert "?" in question
        assert "```" not in question
        assert "```python" in neighbour
        place = next(number for number, source in enumerate(sources) if f"def {function}(" in source)
        assert sources[place - 1].startswith(f'lab.hint("{function}", 0)')


@pytest.mark.parametrize(("lab", "function"), CASES)
def test_no_hint_holds_a_line_of_the_answer(lab: str, function: str) -> None:
    text = " ".join(" ".join(labs.hints(lab)[function]).split())
    for line in answer_of(lab, function).lines:
        assert line not in text
    assert list(leaks([answer_of(lab, function)], [("hints", "\n".join(labs.hints(lab)[function]))])) == []


def test_a_hint_with_a_line_of_the_answer_would_be_found() -> None:
    line = answer_of("lab2_skew", "item_pairs").lines[0]
    assert line in f"Try this: {line}, and see."


@pytest.mark.parametrize(("lab", "function"), CASES)
def test_the_code_of_a_neighbouring_problem_is_python(lab: str, function: str) -> None:
    for block in re.findall(r"```python\n(.*?)```", labs.hints(lab)[function][2], re.DOTALL):
        compile(block, "hint", "exec")


def test_a_notebook_as_it_is_released_has_opened_nothing() -> None:
    for lab in ids():
        assert hints.opened(released(lab)) == {}


def test_the_calls_in_a_notebook_are_the_record() -> None:
    notebook = reference()
    notebook.cells += [
        nbformat.v4.new_code_cell("shelves.hint('merge', 3)\nlab.hint('item_pairs', 2)"),
        nbformat.v4.new_code_cell('lab.hint("item_pairs")'),
        nbformat.v4.new_code_cell('lab.hint("item_trends", rung=3)'),
        nbformat.v4.new_code_cell("lab.hint(function, 3)\nlab.hint('other', number)"),
        nbformat.v4.new_code_cell("this hint( is no Python"),
        nbformat.v4.new_markdown_cell('lab.hint("text", 1)'),
    ]
    rungs = hints.opened(notebook)
    assert rungs == {"item_pairs": 2, "item_trends": 3}
    assert hints.beside("item_pairs_points", rungs) == "hints opened: 1, 2"
    assert hints.beside("speed_points", rungs) == ""
    assert hints.sentences(rungs)[1] == "item_trends: hints opened: 1, 2, 3. Nothing is deducted for them."


def test_what_was_opened_is_still_there_when_a_notebook_was_recovered() -> None:
    notebook = released()
    for cell in notebook.cells:
        cell.source = cell.source.replace('lab.hint("item_pairs", 0)', 'lab.hint("item_pairs", 3)')
    notebook, said = recover(notebook, release_of(LAB), f"{LAB}.ipynb")
    assert said == []
    assert hints.opened(notebook) == {"item_pairs": 3}


def test_a_call_shows_all_rungs_up_to_its_own() -> None:
    lab = SimpleNamespace(lab=SimpleNamespace(id="lab2_skew"))
    question, where, neighbour = labs.hints("lab2_skew")["item_pairs"]
    assert "No hint is open" in OpenLab.hint(lab, "item_pairs", 0).data  # type: ignore[arg-type]
    two = OpenLab.hint(lab, "item_pairs", 2).data  # type: ignore[arg-type]
    assert question in two
    assert where in two
    assert neighbour not in two
    assert neighbour in OpenLab.hint(lab, "item_pairs", 9).data  # type: ignore[arg-type]
    with pytest.raises(SparkLimitsError, match="There are no hints for 'nothing'"):
        OpenLab.hint(lab, "nothing")  # type: ignore[arg-type]
