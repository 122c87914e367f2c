"""Tables find their places on the course's pages, and nothing else there changes."""

import pytest

from sparklimits.display.tables import as_markdown, with_tables
from tests.course import ROOT

PAGE = """before
<!-- begin a b: written by x.py -->
old
<!-- end a b -->
between
<!-- begin c: written by z -->
<!-- end c -->
"""


def test_a_table_takes_the_place_of_the_old_one_and_of_none():
    page = with_tables(PAGE, {"a b": "| \\1 |\n", "c": "| new |"})
    assert page == PAGE.replace("old", "| \\1 |").replace("z -->\n", "z -->\n| new |\n")
    assert with_tables(page, {"a b": "old", "c": "| new |"}) == page.replace("| \\1 |", "old")


@pytest.mark.parametrize("page", ["", PAGE.replace("<!-- end c -->", ""), PAGE * 2])
def test_a_page_without_a_single_place_is_refused(page):
    with pytest.raises(ValueError, match="no single place for the table 'c'"):
        with_tables(page, {"c": "| new |"})


def test_columns_are_aligned():
    assert as_markdown([("a", "b"), ("long", "")]) == "| a    | b |\n|------|---|\n| long |   |\n"


@pytest.mark.parametrize(
    "page", ["README.md", *(f"course/{one.name}" for one in (ROOT / "course").glob("*.md"))]
)
def test_every_place_for_a_table_is_filled(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for part in text.split("<!-- begin ")[1:]:
        name, rest = part.split(":", 1)
        table = rest.split("-->\n", 1)[1].split(f"<!-- end {name} -->")[0]
        assert table.startswith("|"), f"{name} has no table: the command that is named there writes it"
