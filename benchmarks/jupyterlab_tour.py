"""Runs the labs' reference notebooks in JupyterLab in a headless browser, times and photographs all of them.

    .venv/bin/python benchmarks/jupyterlab_tour.py [LAB …] [--scale 1] [--no-validate]

The pictures, in the light and in the dark theme, go to ``build/tour/LAB/`` to be looked at.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sparklimits.labs import ids  # noqa: E402
from tests import browser  # noqa: E402
from tests.submissions import four  # noqa: E402

OUT = ROOT / "build" / "tour"


def tour(lab: str, scale: str, validate: bool) -> None:
    """One lab's tour; prints the seconds and what went wrong."""
    out = OUT / lab
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        browser.course_folder(folder, four(lab)["reference"], lab)
        with (
            browser.jupyterlab(folder, SPARKLIMITS_SCALE=scale) as address,
            browser.chromium(folder) as driver,
        ):
            page = browser.LabPage(driver, address, lab)
            driver.save_screenshot(str(out / "opened.png"))
            print(f"{lab}: Run All Cells: {page.run_all(limit=900):.0f} s", flush=True)
            notebook = page.notebook()
            shown, broken = page.pictures()
            print(f"{len(shown)} of {browser.pictures_of(notebook)} pictures shown, {len(broken)} broken")
            print("troubles:", browser.troubles_of(notebook), flush=True)
            for theme, title in (("light", browser.LIGHT), ("dark", browser.DARK)):
                page.theme(title)
                print(len(page.photograph(out, theme)), f"screens, {theme}: {out}")
            print("Spark's own page:", *page.spark_page(), flush=True)
            if validate:
                text, seconds = page.validate(limit=900)
                print(f"Validate: {seconds:.0f} s: {text!r}", flush=True)
                driver.save_screenshot(str(out / "validated.png"))


def main() -> None:
    """The tours of the labs that are named, or of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labs", nargs="*", default=ids(), metavar="LAB")
    parser.add_argument("--scale", default="1")
    parser.add_argument("--no-validate", action="store_true")
    options = parser.parse_args()
    for lab in options.labs:
        tour(lab, options.scale, not options.no_validate)


if __name__ == "__main__":
    main()
