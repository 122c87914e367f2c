"""A student's hour in a real browser: JupyterLab opens, the notebook runs, its pictures and Spark's page show."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

from tests import browser
from tests.submissions import reference

LAB = "lab0_measuring"


@pytest.mark.skipif(
    not (browser.BROWSER and browser.DRIVER), reason="no chromium and chromedriver on this machine"
)
def test_reference_notebook_runs_in_jupyterlab(tmp_path: Path) -> None:
    browser.course_folder(tmp_path, reference(LAB), LAB)
    with (
        browser.jupyterlab(tmp_path, SPARKLIMITS_SCALE="0.1") as address,
        browser.chromium(tmp_path) as driver,
    ):
        page = browser.LabPage(driver, address, LAB)
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

        cells = len(notebook.cells)
        for name in ("fit_in_parallel", "fit_in_parallel_points", "explain"):
            page.delete_by_keys(name)
        assert len(page.notebook().cells) == cells
