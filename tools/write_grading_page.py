"""Puts the tables of points and bars into course/grading.md, from the notebooks and the labs themselves.

.venv/bin/python tools/write_grading_page.py
"""

from __future__ import annotations

from sparklimits import labs
from sparklimits.display.tables import with_tables
from sparklimits.grading.policy import tables
from sparklimits.machine.paths import project_root


def main() -> None:
    """Writes the page."""
    root = project_root()
    page = root / "course" / "grading.md"
    text = with_tables(page.read_text(encoding="utf-8"), tables(labs.every(), root))
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
