"""Runs the reference notebook in JupyterLab in a headless browser, times it and photographs all of it.

    .venv/bin/python benchmarks/jupyterlab_tour.py [--scale 1] [--no-validate]

The pictures, in the light and in the dark theme, go to ``build/tour/`` to be looked at.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests import browser  # noqa: E402
from tests.submissions import four  # noqa: E402

OUT = ROOT / "build" / "tour"


def main() -> None:
    """One tour; prints the seconds and what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", default="1")
    parser.add_argument("--no-validate", action="store_true")
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        browser.course_folder(folder, four()["reference"])
        with (
            browser.jupyterlab(folder, SPARKLIMITS_SCALE=options.scale) as address,
            browser.chromium(folder) as driver,
        ):
            page = browser.LabPage(driver, address)
            driver.save_screenshot(str(OUT / "opened.png"))
            print(f"Run All Cells: {page.run_all(limit=900):.0f} s", flush=True)
            notebook = page.notebook()
            print(f"{browser.pictures_of(notebook)} pictures; troubles: {browser.troubles_of(notebook)}")
            for theme, title in (("light", browser.LIGHT), ("dark", browser.DARK)):
                page.theme(title)
                print(*page.photograph(OUT, theme), sep="\n")
            print("Spark's own page:", *page.spark_page(), flush=True)
            if not options.no_validate:
                text, seconds = page.validate(limit=900)
                print(f"Validate: {seconds:.0f} s: {text!r}")
                driver.save_screenshot(str(OUT / "validated.png"))


if __name__ == "__main__":
    main()
