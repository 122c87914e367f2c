"""The button *Validate* in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import browser
from tests.submissions import reference, shortened

LAB = "lab0_measuring"


@pytest.mark.skipif(
    not (browser.BROWSER and browser.DRIVER), reason="no chromium and chromedriver on this machine"
)
def test_validate_says_that_all_is_well(tmp_path: Path) -> None:
    # It runs the notebook from the top, and nobody waits for cells that only look at something.
    browser.course_folder(tmp_path, shortened(reference(LAB)), LAB)
    # Lab 0 is graded by counters alone, so that Validate, which asks for full marks, passes on little data too.
    with (
        browser.jupyterlab(tmp_path, SPARKLIMITS_SCALE="0.1") as address,
        browser.chromium(tmp_path) as driver,
    ):
        text, _ = browser.LabPage(driver, address, LAB).validate(limit=400)
    assert "Success! Your notebook passes all the tests." in text
