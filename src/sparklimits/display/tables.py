"""Tables in Markdown: made from rows, and put into the course's pages by the commands that measure them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence


def as_markdown(rows: Sequence[Sequence[str]]) -> str:
    """The rows as a Markdown table with aligned columns."""
    widths = [max(len(line[column]) for line in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"


def as_text(rows: Sequence[Sequence[str]]) -> str:
    """The rows as lines for a terminal, with aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def with_tables(page: str, tables: Mapping[str, str]) -> str:
    """The page's text with each table, by its name, in the place of the old one.

    The place is between the lines ``<!-- begin NAME: written by COMMAND -->`` and ``<!-- end NAME -->``.

    Raises:
        ValueError: the page has no such place, or more than one.
    """
    for name, table in tables.items():
        marked = re.escape(name)
        place = re.compile(rf"<!-- begin {marked}: [^\n]*-->\n(.*?)<!-- end {marked} -->", re.DOTALL)
        found = list(place.finditer(page))
        if len(found) != 1:
            raise ValueError(f"the page has no single place for the table {name!r}")
        start, end = found[0].span(1)
        page = page[:start] + table.rstrip("\n") + "\n" + page[end:]
    return page
