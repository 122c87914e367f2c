"""Puts the rows and the pictures of `make demo` into the README; rows of labs that it did not measure stay.

.venv/bin/python tools/update_readme.py
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from sparklimits.demo import HEADER
from sparklimits.display.tables import as_markdown, with_tables
from sparklimits.labs import ids

ROOT = Path(__file__).resolve().parents[1]


def cells(table: str) -> dict[str, list[str]]:
    """The cells of each row of a Markdown table, by the first one."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row for row in rows}


def main() -> int:
    """Exit code 1 when there is no demo to take the figures from."""
    demo = ROOT / "build" / "demo"
    if not (demo / "README.md").is_file():
        print("There is no build/demo/README.md: run `make demo` first.", file=sys.stderr)
        return 1
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    rows = cells(text.split("<!-- begin demo:")[1].split("<!-- end demo -->")[0])
    rows |= cells((demo / "README.md").read_text(encoding="utf-8"))
    table = as_markdown([HEADER, *(rows[lab] for lab in ids() if lab in rows)])
    readme.write_text(with_tables(text, {"demo": table}), encoding="utf-8")
    for picture in demo.glob("lab?_*.png"):
        if "-" not in picture.stem:
            shutil.copy(picture, ROOT / "course" / "figures" / picture.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
