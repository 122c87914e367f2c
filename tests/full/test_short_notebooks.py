"""The solution notebooks that take a minute on little data, from top to bottom: no error, and every picture is there.

Lab 0's runs in a browser (``tests/whole``), lab 2's as a student gets it in one of the containers too, and the others,
which train again and again whatever the data, in ``tests/nightly``.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests import browser
from tests.submissions import ROOT

SHORT = ("lab2_skew", "lab7_gpu")
SCALE = "0.05"


@pytest.mark.parametrize("lab", SHORT)
def test_a_solution_runs_from_top_to_bottom(
    lab: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(lab, SCALE, tmp_path, monkeypatch)


def runs(lab: str, scale: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a solution on data of this scale: no error, its pictures, and marks from 0 to 1 of each graded cell."""
    monkeypatch.setenv("SPARKLIMITS_SCALE", scale)
    monkeypatch.setenv("SPARKLIMITS_HOME", str(ROOT))
    notebook = nbformat.read(ROOT / "solutions" / lab / f"{lab}.ipynb", as_version=4)
    settings = ["--IPKernelApp.capture_fd_output=False"]  # as nbgrader's settings of the course have it
    client = NotebookClient(
        notebook,
        timeout=600,
        allow_errors=True,
        extra_arguments=settings,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    assert browser.troubles_of(notebook) == []
    assert browser.pictures_of(notebook) >= 4
    for cell in notebook.cells:
        settings_of_it = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and settings_of_it.get("grade"):
            last = [output for output in cell.outputs if output.output_type == "execute_result"][-1]
            assert 0.0 <= float(last.data["text/plain"]) <= 1.0, settings_of_it["grade_id"]
