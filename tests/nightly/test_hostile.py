"""Notebooks whose functions try to earn what they did not do, and an honest one with odd habits: minutes each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from sparklimits import labs
from sparklimits.grading.marks import name_of
from tests.marks import earned, most
from tests.submissions import NOISE, hostile, reference, shortened


@pytest.mark.parametrize("name", hostile.IN_A_FUNCTION)
def test_nothing_in_a_function_earns_a_mark(name: str, tmp_path: Path) -> None:
    found = earned(hostile.notebook(name), tmp_path)
    assert set(found.values()) == {0.0}, found


def habits() -> NotebookNode:
    """The reference of a student who prints, times cells, and asks for input in a cell of no marks."""
    notebook = shortened(reference(hostile.LAB, before=NOISE))
    for cell in notebook.cells:
        if name_of(cell) in labs.find(hostile.LAB).names:
            cell.source = f"%%time\n{cell.source}\nprint('done')"
    notebook.cells.insert(
        3, new_code_cell("try:\n    input('go on? ')\nexcept Exception as error:\n    print(error)")
    )
    return notebook


@pytest.mark.parametrize("made", [lambda: shortened(reference(hostile.LAB)), habits], ids=["plain", "habits"])
def test_a_right_notebook_keeps_full_marks(made: Callable[[], NotebookNode], tmp_path: Path) -> None:
    notebook = made()
    wanted = most(notebook)
    found = earned(notebook, tmp_path)
    assert {name: found[name] for name in wanted} == wanted
