"""A student's hour in a real browser: Validate passes, the notebook runs, its pictures show."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import nbformat
import pytest

from tests import browser
from tests.submissions import four, shortened

LAB = "lab0_measuring"


@pytest.mark.skipif(
    not (browser.BROWSER and browser.DRIVER), reason="no chromium and chromedriver on this machine"
)
def test_reference_notebook_validates_and_runs_in_jupyterlab(tmp_path: Path) -> None:
    whole = four(LAB)["reference"]
    # Validate runs a notebook from the top once more, and nobody waits for cells that only look at something.
    file = browser.course_folder(tmp_path, shortened(whole), LAB)
    # Lab 0 is graded by counters alone, so that Validate, which asks for full marks, passes on little data too.
    with (
        browser.jupyterlab(tmp_path, SPARKLIMITS_SCALE="0.1") as address,
        browser.chromium(tmp_path) as driver,
    ):
        page = browser.LabPage(driver, address, LAB)
        text, _ = page.validate(limit=400)
        assert "Success! Your notebook passes all the tests." in text

        nbformat.write(whole, file)
        page = browser.LabPage(driver, address, LAB)
        cells = len(page.notebook().cells)
        assert cells == len(whole.cells)
        page.run_all(limit=400)
        notebook = page.notebook()
        assert browser.troubles_of(notebook) == []
        assert page.notifications() == []

        shown, broken = page.pictures()
        assert not broken
        assert len(shown) == browser.pictures_of(notebook) >= 6

        spark, title = page.spark_page()
        assert "Spark" in title
        assert spark.startswith(address.split("/lab?")[0] + "/sparklimits/spark/")
        assert page.spark_tab(spark, "executors")
        with urllib.request.urlopen(spark, timeout=20) as answer:
            assert "/login" in answer.geturl()  # who is not logged in sees nothing

        for name in ("fit_in_parallel", "fit_in_parallel_points", "explain"):
            page.delete_by_keys(name)
        assert len(page.notebook().cells) == cells
