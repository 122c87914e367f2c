"""What is handed in: broken notebooks, missing cells, other versions, each with its clear error."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from sparklimits import __version__
from sparklimits.cli import main
from sparklimits.errors import SubmissionError
from sparklimits.grading.check import check
from sparklimits.grading.places import lab_of
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs import find
from tests.submissions import LAB, reference, released, with_cells

SKEW = find(LAB)


def saved(folder: Path, notebook: nbformat.NotebookNode) -> Path:
    path = folder / f"{LAB}.ipynb"
    nbformat.write(notebook, path)
    return path


def test_the_reference_is_found_and_needs_only_its_named_cells() -> None:
    functions = load_functions(reference_path(SKEW), SKEW)
    assert list(functions) == ["item_trends", "item_pairs"]
    assert all(function.__module__ == "__main__" for function in functions.values()), (
        "so that Spark ships them"
    )


def test_an_untouched_notebook_falls_back_to_the_naive_way(tmp_path: Path) -> None:
    functions = load_functions(saved(tmp_path, released()), SKEW)
    assert "naive.item_pairs" in released_source("item_pairs")
    assert set(functions) == set(SKEW.naive)


def released_source(name: str) -> str:
    return next(c.source for c in released().cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


@pytest.mark.shows("file_missing")
def test_a_file_that_is_no_notebook(tmp_path: Path) -> None:
    path = tmp_path / f"{LAB}.ipynb"
    path.write_text("{ this is not JSON")
    with pytest.raises(SubmissionError, match="is damaged in line 1"):
        load_functions(path, SKEW)
    with pytest.raises(SubmissionError, match="There is no file"):
        load_functions(tmp_path / "none.ipynb", SKEW)
    with pytest.raises(SubmissionError, match="There is no file"):
        load_functions(tmp_path / "none.py", SKEW)


def test_a_cell_that_fails_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path, with_cells(LAB, {"item_trends": "def item_trends(:\n"}))
    with pytest.raises(SubmissionError, match=r"item_trends: SyntaxError"):
        load_functions(path, SKEW)


@pytest.mark.shows("other_release")
def test_another_major_version_is_refused_by_name(tmp_path: Path) -> None:
    notebook = reference()
    notebook.metadata["sparklimits"]["version"] = "7.3.0"
    path = saved(tmp_path, notebook)
    for refuse in (lambda: load_functions(path, SKEW), lambda: check(path)):
        with pytest.raises(
            SubmissionError, match=rf"{LAB}.ipynb was made for version 7.3.0 .* {__version__}"
        ):
            refuse()


def test_a_notebook_of_another_name(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match="not named like a lab"):
        lab_of(tmp_path / "homework.ipynb")


def test_commands_end_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "lab9_nothing"]) == 1
    assert main(["run", LAB, "--solution", str(tmp_path / "none.ipynb")]) == 1
    assert main(["run", LAB, "--data", str(tmp_path)]) == 1
    assert main(["check", str(tmp_path / f"{LAB}.ipynb")]) == 1
    # Beside the errors there may be lines of progress, which end before the error begins.
    lines = [line for line in capsys.readouterr().err.splitlines() if " · " not in line]
    assert len(lines) == 4
    assert all(line.startswith("sparklimits: ") for line in lines)


def test_a_lab_that_has_no_real_data_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "lab1_memory", "--data", str(tmp_path)]) == 1
    assert "lab1_memory does not run on MovieLens ratings; --data is for lab2_skew" in capsys.readouterr().err
