"""The README tells the truth about commands, folders and the table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sparklimits.cli import _parser
from sparklimits.labs import every
from tests.submissions import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_make_target_and_command_exists() -> None:
    targets = set(re.findall(r"\bmake ([a-z-]+)\b", README))
    assert targets == {
        "lab", "test", "test-all", "test-nightly", "demo", "bench", "cluster", "release", "lint", "clean",
    }  # fmt: skip
    assert targets <= set(re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE))
    named = set(re.findall(r"`sparklimits ([a-z]+)", README))
    commands = set(next(a for a in _parser()._actions if a.dest != "help" and a.choices).choices or ())
    assert named == commands - {"demo", "release"}


@pytest.mark.parametrize("page", sorted((ROOT / "course").glob("*.md")), ids=lambda page: page.stem)
def test_every_test_and_benchmark_that_a_page_names_exists(page: Path) -> None:
    for file in re.findall(r"\b(?:tests|benchmarks|tools)/[\w./-]+\.py\b", page.read_text("utf-8")):
        assert (ROOT / file).is_file() or "lab9_toy" in file, file


def test_every_folder_of_the_map_exists() -> None:
    for folder in re.findall(r"^([a-z]+(?:/[a-z]+)*)/ ", README.split("## Map")[1], flags=re.MULTILINE):
        assert (ROOT / folder).is_dir(), folder


def test_the_measured_table_has_a_row_for_each_lab() -> None:
    table = README.split("<!-- begin demo")[1].split("<!-- end demo")[0]
    for lab in every():
        row = next(line for line in table.splitlines() if line.startswith(f"| {lab.id} "))
        speedup, low, high = map(float, re.search(r"([\d.]+) \[([\d.]+), ([\d.]+)\]", row).groups())  # type: ignore[union-attr]
        assert low <= speedup <= high
    assert (ROOT / "course" / "figures" / "lab2_skew.png").is_file()
