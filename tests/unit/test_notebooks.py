"""The notebooks as files: one source, copies in step, no outputs, no answers, and what the course promises."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import nbformat
import pytest

from sparklimits import __version__
from sparklimits.grading import lint, release
from sparklimits.grading.marks import points_of
from sparklimits.labs import ids
from tests.course import Course
from tests.submissions import ROOT

NOTEBOOKS = sorted([*ROOT.glob("labs/*/*.ipynb"), *ROOT.glob("solutions/*/*.ipynb")])


def test_every_lab_has_both_notebooks_and_nothing_beside_them() -> None:
    for folder in ("labs", "solutions"):
        found = {
            path.relative_to(ROOT / folder).as_posix()
            for path in (ROOT / folder).rglob("*")
            if path.is_file()
        }
        found = {name for name in found if ".ipynb_checkpoints" not in name}
        assert found == {f"{lab}/{lab}.ipynb" for lab in ids()}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parts[-3]}/{path.stem}")
def test_a_notebook_is_clean(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert sum(len(cell.source) for cell in notebook.cells) < lint.MOST_TEXT
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert notebook.metadata["sparklimits"]["version"].split(".")[0] == __version__.split(".")[0]
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


@pytest.mark.parametrize("lab", ids())
def test_a_lab_is_whole(lab: str) -> None:
    assert [str(problem) for problem in lint.lint(lab)] == []


@pytest.mark.parametrize("lab", ids())
def test_a_student_reads_the_points_that_nbgrader_counts(lab: str) -> None:
    notebook = nbformat.read(ROOT / "labs" / lab / f"{lab}.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells)
    points = points_of(notebook)
    assert f"{sum(points.values()):g} in all" in text
    assert "{points:" not in text
    told = re.findall(r"^points\(.+, most=([\d.]+)\)$", text, flags=re.MULTILINE)
    graded = [
        cell.metadata.nbgrader
        for cell in notebook.cells
        if cell.cell_type == "code" and "nbgrader" in cell.metadata
    ]
    assert [float(one) for one in told] == [one["points"] for one in graded if one["grade"]]


def test_nbgrader_makes_the_copies_that_are_committed(tmp_path: Path) -> None:
    """One lab: that ours is nbgrader's own copy; that every copy is in step is a part of `lint`."""
    lab = "lab0_measuring"
    course = Course(tmp_path, lab)
    fresh = nbformat.read(course.folder / "labs" / lab / f"{lab}.ipynb", as_version=4)
    committed = nbformat.read(ROOT / "labs" / lab / f"{lab}.ipynb", as_version=4)
    assert fresh == committed, f"run: nbgrader generate_assignment {lab} --force"


def test_the_bundle_holds_what_a_student_needs_and_gives_nothing_away(tmp_path: Path) -> None:
    bundle = release.write_bundle(tmp_path / "bundle.zip")
    with zipfile.ZipFile(bundle) as content:
        names = content.namelist()
        content.extractall(tmp_path)
    top = tmp_path / f"sparklimits-{__version__}"
    assert not any(re.search(r"/(solutions|tests|benchmarks)/", name) for name in names)
    files = [path for path in top.rglob("*") if path.is_file()]
    assert {f"labs/{lab}/{lab}.ipynb" for lab in ids()} < {path.relative_to(top).as_posix() for path in files}
    for lab in ids():
        assert release.leaked_from(lab, files, top) == []
