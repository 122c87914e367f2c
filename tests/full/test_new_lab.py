"""A lab is added by four files, and nothing else is edited: course/adding-a-lab.md tells this test."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.submissions import ROOT

LAB = "lab9_toy"
FILES = {
    "lab.py": f"src/sparklimits/labs/{LAB}/__init__.py",
    "notebook.ipynb": f"solutions/{LAB}/{LAB}.ipynb",
    "chapter.md": f"course/{LAB}.md",
    "submissions.py": f"tests/submissions/{LAB}.py",
}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree, with the four files."""
    folder = tmp_path_factory.mktemp("tree") / "course"
    leave = shutil.ignore_patterns(
        ".git", ".venv", "build", "dist", "work", ".sparklimits", "__pycache__", "*.egg-info"
    )
    shutil.copytree(ROOT, folder, ignore=leave)
    for name, place in FILES.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "tests" / "toy_lab" / name, folder / place)
    return folder


def run(course: Path, *command: str, code: int = 0) -> str:
    """Runs a command of the copied tree; what it prints, and of one that fails, why."""
    environment = {
        **os.environ, "PYTHONPATH": f"{course / 'src'}:{course}", "SPARKLIMITS_HOME": str(course),
        "SPARKLIMITS_MASTER": "embedded", "SPARKLIMITS_SCALE": "0.2",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, *command], cwd=course, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


def test_four_files_are_a_lab(course: Path) -> None:
    # generate: nbgrader makes the student's copy
    run(course, "-m", "nbgrader", "generate_assignment", LAB)
    released = (course / "labs" / LAB / f"{LAB}.ipynb").read_text()
    assert "7 in all" in released
    assert "the secret of this lab" not in released
    # lint: the lab is whole, when its points and bars are on the grading page
    assert "grading.md is not in step" in run(course, "-m", "sparklimits", "lint", LAB, code=1)
    run(course, "tools/write_grading_page.py")
    page = (course / "course" / "grading.md").read_text()
    assert re.search(rf"\| `{LAB}` +\| `count_even_points` +\| Spark's counters +\| 4 ", page)
    assert re.search(rf"\| `{LAB}` +\| 2.00× ", page)
    assert "Nothing to fix" in run(course, "-m", "sparklimits", "lint", LAB)
    # run: the reference against the naive way
    assert LAB in run(course, "-m", "sparklimits", "run", "--help")
    measured = json.loads(run(course, "-m", "sparklimits", "run", LAB, "--json").splitlines()[-1])
    assert measured["shares"]["count_even"] == 1.0
    assert measured["evidence"]["baseline"]["tasks"] > 12
    # check: a wrong submission by its name
    wrong = course / "work" / LAB / f"{LAB}.ipynb"
    program = f"import nbformat; from tests.submissions import four; nbformat.write(four('{LAB}')['wrong'], '{wrong}')"
    wrong.parent.mkdir(parents=True)
    run(course, "-c", program)
    said = run(course, "-m", "sparklimits", "check", str(wrong))
    assert "count_even_points            0 of 4" in said
    assert "prediction_points            1 of 1" in said
    # release: the bundle has the lab
    bundle = Path(run(course, "-m", "sparklimits", "release").strip())
    with zipfile.ZipFile(bundle) as content:
        assert any(name.endswith(f"labs/{LAB}/{LAB}.ipynb") for name in content.namelist())
    # leaks: its answers are watched from the first day
    chapter = course / "course" / f"{LAB}.md"
    chapter.write_text(
        chapter.read_text() + "\nTry few = numbers.coalesce(1), and then\n"
        '    few = numbers.coalesce(1)\n    return few.where("id % 2 = 0").groupBy().count()\n'
    )
    said = run(course, "-m", "sparklimits", "release", code=1)
    assert f"course/{LAB}.md holds the answer of the cell count_even" in said
