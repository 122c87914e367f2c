"""Every solution notebook, from top to bottom, on a tenth of the data: no error, and every picture is there.

What the cells give at full size, and how long they take: ``benchmarks/notebooks.py`` and ``tests/nightly``.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from sparklimits.labs import ids
from tests import browser
from tests.submissions import ROOT

SCALE = "0.1"


@pytest.mark.parametrize("lab", ids())
def test_a_solution_runs_from_top_to_bottom(
    lab: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARKLIMITS_SCALE", SCALE)
    monkeypatch.setenv("SPARKLIMITS_HOME", str(ROOT))
    notebook = nbformat.read(ROOT / "solutions" / lab / f"{lab}.ipynb", as_version=4)
    settings = ["--IPKernelApp.capture_fd_output=False"]  # as nbgrader's settings of the course have it
    client = NotebookClient(
        notebook,
        timeout=600,
        allow_errors=True,
        extra_arguments=settings,
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute()
    assert browser.troubles_of(notebook) == []
    assert browser.pictures_of(notebook) >= 4
    for cell in notebook.cells:
        settings_of_it = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and settings_of_it.get("grade"):
            last = [output for output in cell.outputs if output.output_type == "execute_result"][-1]
            assert 0.0 <= float(last.data["text/plain"]) <= 1.0, settings_of_it["grade_id"]
