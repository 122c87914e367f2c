"""The containers' JupyterLab in a browser: a notebook runs to its end, and its links lead to Spark's page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from sparklimits.containers import engine
from sparklimits.machine import web
from tests import browser
from tests.containers.helpers import docker
from tests.submissions import reference

LAB = "lab0_measuring"


def answers(address: str) -> bool:
    try:
        return bool(web.get(address, timeout=5))
    except OSError:
        return False


def put(lab: str, text: str, path: str) -> None:
    """Writes a file of the student in the lab's container."""
    docker("exec", lab, "sh", "-c", 'mkdir -p "$(dirname "$1")" && printf %s "$0" > "$1"', text, path)


@pytest.fixture
def jupyter(addresses: list[str]) -> Iterator[str]:
    """The address of the containers' JupyterLab, with the lab's notebook as a student hands it in."""
    (lab,) = engine.container_ids("lab")
    put(lab, nbformat.writes(reference(LAB)), f"/course/work/{LAB}/{LAB}.ipynb")
    # Its commands and its notebook can be asked for by scripts.
    settings = json.dumps({"LabApp": {"expose_app_in_browser": True}})
    put(lab, settings, "/home/student/.jupyter/jupyter_lab_config.json")
    docker("restart", "--time", "2", lab)
    address = next(word for word in addresses if "token=" in word)
    browser.wait("JupyterLab", 60, lambda: answers(address))
    yield address
    docker("restart", "--time", "2", lab)  # its kernel holds executors that another session needs


@pytest.mark.skipif(
    not (browser.BROWSER and browser.DRIVER), reason="no chromium and chromedriver on this machine"
)
def test_a_notebook_runs_to_its_end_in_the_containers_jupyterlab(jupyter: str, tmp_path: Path) -> None:
    with browser.chromium(tmp_path) as driver:
        page = browser.LabPage(driver, jupyter, LAB)
        print(f"Run All Cells took {page.run_all(limit=600):.0f} s")
        done = page.notebook()
        assert browser.troubles_of(done) == []
        shown, broken = page.pictures()
        assert not broken
        assert len(shown) == browser.pictures_of(done) >= 6
        spark, title = page.spark_page()
        assert "Spark" in title
        assert spark.startswith(jupyter.split("/lab?")[0] + "/sparklimits/spark/")
