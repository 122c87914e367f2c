"""A student's hour in a real browser: JupyterLab opens, the notebook runs, its pictures show, Validate passes."""

import urllib.request

import pytest

from tests import browser
from tests.submissions import four


@pytest.mark.usefixtures("as_users_have_it")
@pytest.mark.skipif(
    not (browser.BROWSER and browser.DRIVER), reason="no chromium and chromedriver on this machine"
)
def test_reference_notebook_runs_in_jupyterlab_and_validates(tmp_path):
    browser.course_folder(tmp_path, four()["reference"])
    with browser.jupyterlab(tmp_path) as address, browser.chromium(tmp_path) as driver:
        # Less data for the pictures; full marks, which Validate asks for, are for the whole.
        small = tmp_path / "home" / browser.STARTUP
        small.parent.mkdir(parents=True, exist_ok=True)
        small.write_text(browser.LESS_DATA)
        page = browser.LabPage(driver, address)
        print(f"Run All Cells took {page.run_all(limit=600):.0f} s")
        notebook = page.notebook()
        assert browser.troubles_of(notebook) == []
        assert page.notifications() == []

        shown, broken = page.pictures()
        assert not broken
        assert len(shown) == browser.pictures_of(notebook) >= 10

        spark, title = page.spark_page()
        assert "Spark" in title
        with urllib.request.urlopen(spark, timeout=20) as answer:
            assert answer.status == 200

        small.unlink()
        text, seconds = page.validate(limit=600)
        print(f"Validate took {seconds:.0f} s")
        assert "Success! Your notebook passes all the tests." in text
