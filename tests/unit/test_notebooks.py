"""The notebooks as files: one source, copies in step, no outputs, no answers, and what the course promises."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from sparklimits import __version__
from sparklimits.grading.release import write_bundle
from sparklimits.labs import find, ids
from tests.course import Course
from tests.submissions import ROOT

NOTEBOOKS = sorted([*ROOT.glob("labs/*/*.ipynb"), *ROOT.glob("solutions/*/*.ipynb")])
LIMIT = 30_000


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
    assert sum(len(cell.source) for cell in notebook.cells) < LIMIT
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert notebook.metadata["sparklimits"]["version"].split(".")[0] == __version__.split(".")[0]
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("task"):
            assert cell.metadata["nbgrader"]["locked"]


@pytest.mark.parametrize("lab", ids())
def test_the_points_table_is_that_of_the_grading_page(lab: str) -> None:
    notebook = nbformat.read(ROOT / "labs" / lab / f"{lab}.ipynb", as_version=4)
    points = [
        cell.metadata["nbgrader"].get("points", 0) for cell in notebook.cells if "nbgrader" in cell.metadata
    ]
    assert sum(points) == 20


@pytest.mark.parametrize("lab", ids())
def test_every_function_to_write_has_its_cell(lab: str) -> None:
    notebook = nbformat.read(ROOT / "labs" / lab / f"{lab}.ipynb", as_version=4)
    cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source for cell in notebook.cells}
    for task in find(lab).tasks:
        assert "# YOUR CODE HERE" in cells[one.name]
        assert f"def {task.name}(" in cells[one.name]


def test_the_student_copies_are_in_step(tmp_path: Path) -> None:
    course = Course(tmp_path, *ids())
    for lab in ids():
        fresh = nbformat.read(course.folder / "labs" / lab / f"{lab}.ipynb", as_version=4)
        committed = nbformat.read(ROOT / "labs" / lab / f"{lab}.ipynb", as_version=4)
        assert fresh == committed, f"run: nbgrader generate_assignment {lab} --force"


def test_the_bundle_gives_nothing_away_and_works_alone(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle.zip")
    with zipfile.ZipFile(bundle) as content:
        names = content.namelist()
        text = "\n".join(content.read(name).decode("utf-8", "replace") for name in names)
        content.extractall(tmp_path)
    assert not any(re.search(r"/(solutions|tests|benchmarks)/", name) for name in names)
    assert "BEGIN HIDDEN TESTS" not in text.replace('"BEGIN HIDDEN TESTS"', "")
    assert "90_417" not in text, "the hidden seed"
    assert "F.sort_array(F.collect_list" not in text, "the reference"
    assert "61_203" not in text, "the hidden seed"
    assert "StorageLevel.MEMORY_AND_DISK)" not in text, "the reference"
    assert "71_388" not in text, "the hidden seed"
    assert "pairs.reduceByKey(lambda a, b: (a[0]" not in text, "the reference"
    assert "41_275" not in text, "the hidden seed"
    assert "73_519" not in text, "the hidden seed"
    assert "np.std(logs, ddof=1) / np.sqrt" not in text, "the reference"
    assert "47_293" not in text, "the hidden seed"
    assert "total = shards.map(local_steps).reduce(add)" not in text, "the reference"
    assert "84_529" not in text, "the hidden seed"
    assert "optimiser = torch.optim.Adam(network.parameters(), lr=0.01)" not in text, "the reference"
    assert "73_529" not in text, "the hidden seed"
    assert "torch.randperm(len(inputs), device=place)" not in text, "the reference"
    top = tmp_path / f"sparklimits-{__version__}"
    # The package runs from the bundle, its naive way as a student's file, with no solutions/ anywhere.
    mine = top / "mine.py"
    mine.write_text("from sparklimits.labs.lab2_skew import item_pairs, item_trends\n")
    code = f"import sys; sys.path.insert(0, {str(top / 'src')!r}); from sparklimits.cli import main; sys.exit(main())"
    environment = {
        "PATH": "/usr/bin:/bin",
        "SPARKLIMITS_HOME": str(top),
        "SPARKLIMITS_SCALE": "0.1",
        "SPARKLIMITS_MASTER": "embedded",
    }
    run = [sys.executable, "-c", code, "run", "lab2_skew"]
    without = subprocess.run(run, cwd=top, env=environment, text=True, capture_output=True, timeout=600)
    assert without.returncode == 1
    assert "There is no reference for lab2_skew here" in without.stderr
    done = subprocess.run(
        [*run, "--solution", str(mine), "--json"],
        cwd=top, env=environment, text=True, capture_output=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"verdict": "failed"' in done.stdout or '"verdict": "inconclusive"' in done.stdout
    shutil.rmtree(top)
