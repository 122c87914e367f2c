"""Whole notebooks of lab 0, graded from end to end: minutes each. What they are made of is in full."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook

from sparklimits.grading.check import check
from tests.course import Course
from tests.full.test_sandbox import state, text_of
from tests.full.test_trouble_notebooks import FULL, LAB, SCALE, _torn, changed
from tests.submissions import reference, shortened


def test_check_gives_what_autograding_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a notebook after an accident, in which one function ends the process."""
    (tmp_path / "course").mkdir()
    course = Course(tmp_path / "course", LAB)
    course.submit({"torn": changed(_torn)}, LAB)
    course.nbgrader("autograde", LAB, check=False, scale=SCALE)
    monkeypatch.setenv("SPARKLIMITS_SCALE", str(SCALE))
    path = tmp_path / f"my {LAB} (1).ipynb"
    nbformat.write(changed(_torn), path)
    marks, said = check(path)
    scores = course.scores("torn", LAB)
    assert {mark.cell: mark.points for mark in marks if mark.cell in FULL} == {
        name: scores[name] for name in FULL
    }
    assert any("deleted: put back" in sentence for sentence in said)


@pytest.mark.usefixtures("sandbox_here")
def test_autograding_gives_a_hostile_notebook_its_due_and_harms_nothing(tmp_path: Path) -> None:
    """Full marks for what is right in it; the gradebook, the neighbour and the sources are as they were."""
    course = Course(tmp_path, LAB)
    hostile = shortened(reference(LAB))
    attack = (
        f"import os, pathlib, sqlite3, subprocess\ncourse = pathlib.Path({str(course.folder)!r})\n"
        "for trial in (\n"
        "    lambda: sqlite3.connect(course / 'gradebook.db').execute('UPDATE grade SET auto_score = 99'),\n"
        f"    lambda: (course / 'submitted/neighbour/{LAB}/{LAB}.ipynb').write_text('x'),\n"
        f"    lambda: print((course / 'solutions/{LAB}/{LAB}.ipynb').read_text()),\n"
        "    lambda: print(open('data.csv').read()),\n"
        "    lambda: pathlib.Path(os.path.expanduser('~/.ipython/profile_default/startup')).mkdir(parents=True),\n"
        "):\n    try:\n        trial()\n    except Exception as error:\n        print(type(error).__name__)\n"
        "print(sorted(os.listdir('.')))\n"
    )
    hostile.cells.insert(1, new_code_cell(attack))
    course.submit({"hostile": hostile, "neighbour": shortened(reference(LAB))}, LAB)
    folder = course.folder / "submitted" / "hostile" / LAB
    os.symlink(course.folder / "gradebook.db", folder / "data.csv")
    os.mkfifo(folder / "pipe")
    (folder / "mine.txt").write_text("mine")
    theirs = course.folder / "submitted" / "neighbour"
    before = state(theirs) | state(course.folder / "solutions")
    log = course.nbgrader("autograde", LAB, "--student", "hostile", check=False, scale=0.1)
    assert "The notebook runs in a sandbox" in log
    assert "data.csv is left out: it is a link" in log
    assert sum(course.scores("hostile", LAB).values()) == 17.0
    assert state(theirs) | state(course.folder / "solutions") == before
    graded = nbformat.read(course.folder / "autograded" / "hostile" / LAB / f"{LAB}.ipynb", 4)
    (told,) = (cell for cell in graded.cells if cell.source.startswith("import os, pathlib, sqlite3"))
    text = text_of(told)
    assert "mine.txt" in text
    assert f"{LAB}.ipynb" not in text, "it holds the hidden tests"
    assert "HIDDEN TESTS" not in text
    with Gradebook(f"sqlite:///{course.folder / 'gradebook.db'}") as gradebook:
        assert [one.id for one in gradebook.students] == ["hostile"]
