"""Notebooks that try to earn what they did not do, and honest ones with odd habits: each graded from end to end.

They are of lab 0, on a tenth of the data: what earns marks there are counters and answers, and no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from sparklimits import labs
from sparklimits.grading.check import check
from sparklimits.grading.marks import name_of
from sparklimits.grading.referee.launcher import Launch
from sparklimits.grading.referee.notebook import Judged, Marks
from tests.referee import NOTHING, Launcher
from tests.submissions import NOISE, hostile, reference, shortened

LAB = labs.find(hostile.LAB)
SCALE = 0.1
OUTSIDE = [name for name in hostile.NAMES if hostile.cells_of(name).keys() & set(LAB.names)]


@pytest.fixture(autouse=True)
def _little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKLIMITS_SCALE", str(SCALE))


def points(notebook: NotebookNode, folder: Path) -> dict[str, float]:
    """What the notebook earns, by its graded cells of code."""
    path = folder / f"{LAB.id}.ipynb"
    nbformat.write(notebook, path)
    return {mark.cell: mark.points for mark in check(path)[0] if mark.points is not None}


@pytest.fixture
def nothing_earned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares a notebook its measurement: it has no function that earns anything, whatever its kernel says."""
    judge = Marks.judge

    def spared(self: Marks, scale: float, launch: Launch, progress: Callable[[str], None]) -> Judged:
        return judge(self, scale, Launcher(NOTHING), progress)

    monkeypatch.setattr(Marks, "judge", spared)


@pytest.mark.parametrize("name", [name for name in hostile.NAMES if name not in OUTSIDE])
@pytest.mark.usefixtures("nothing_earned")
def test_nothing_in_the_kernel_earns_a_mark(name: str, tmp_path: Path) -> None:
    found = points(hostile.notebook(name), tmp_path)
    assert set(found.values()) == {0.0}, found


@pytest.mark.parametrize("name", OUTSIDE)
def test_nothing_in_a_function_earns_a_mark(name: str, tmp_path: Path) -> None:
    found = points(hostile.notebook(name), tmp_path)
    assert set(found.values()) == {0.0}, found


def habits() -> NotebookNode:
    """The reference of a student who prints, times cells, and asks for input in a cell of no marks."""
    notebook = shortened(reference(LAB.id, before=NOISE))
    for cell in notebook.cells:
        if name_of(cell) in LAB.names:
            cell.source = f"%%time\n{cell.source}\nprint('done')"
    notebook.cells.insert(
        3, new_code_cell("try:\n    input('go on? ')\nexcept Exception as error:\n    print(error)")
    )
    return notebook


@pytest.mark.parametrize("made", [lambda: shortened(reference(LAB.id)), habits], ids=["reference", "habits"])
def test_honest_notebooks_keep_full_marks(made: Callable[[], NotebookNode], tmp_path: Path) -> None:
    notebook = made()
    wanted = {
        name_of(cell): float(cell.metadata.nbgrader.points)
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade")
    }
    found = points(notebook, tmp_path)
    assert {name: found[name] for name in wanted} == wanted
