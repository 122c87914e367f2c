"""The measured table in a data set's card (``datasets/<name>/README.md``), written by its ``prepare.py``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sparklimits.errors import DataError

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
#: Key in :func:`sparklimits.datasets.ratings.measured_skew`: the words of the card, the format.
RATINGS = {
    "ratings": ("ratings", "{:,.0f}"),
    "users": ("users", "{:,.0f}"),
    "items": ("items", "{:,.0f}"),
    "top_items": ("ratings owned by the top 1 % of items", "{:.1%}"),
    "top_users": ("ratings owned by the top 1 % of users", "{:.1%}"),
    "top_user_pairs": ("item pairs owned by the top 1 % of users", "{:.1%}"),
    "heaviest_user": ("ratings of the heaviest user", "{:,.0f}"),
    "hottest_item": ("users who rated the hottest item", "{:.1%}"),
}
#: The same for :func:`sparklimits.datasets.clicks.measured` and the best scores.
CLICKS = {
    "clicks": ("rows", "{:,.0f}"),
    "rate": ("share of clicks", "{:.1%}"),
    "values": ("distinct category values", "{:,.0f}"),
    "top_values": ("rows owned by the top 1 % of the values of the largest category", "{:.1%}"),
    "missing": ("missing values", "{:.1%}"),
    "best_auc": ("best reachable AUC", "{:.4f}"),
    "best_logloss": ("best reachable log loss", "{:.4f}"),
}


def table(columns: Mapping[str, Mapping[str, float]], rows: Mapping[str, tuple[str, str]] = RATINGS) -> str:
    """A Markdown table of measured figures, one column for each data set."""
    lines = [["measured", *columns]]
    for key, (words, form) in rows.items():
        lines.append([words, *(form.format(skew[key]) for skew in columns.values())])
    return _markdown(lines)


def with_columns_of(other: str, own: str) -> str:
    """The measured table with the columns of the other card's table before its own."""
    left = [_cells(line) for line in other.splitlines() if "---" not in line]
    right = [_cells(line) for line in own.splitlines() if "---" not in line]
    return _markdown([[*before, *after[1:]] for before, after in zip(left, right, strict=True)])


def read(card: Path) -> str:
    """The measured table in a card.

    Raises:
        DataError: the card has no such table.
    """
    return _split(card)[1]


def write(card: Path, text: str) -> None:
    """Puts the measured table between the card's marks.

    Raises:
        DataError: the card has no marks.
    """
    before, _, after = _split(card)
    card.write_text(f"{before}{BEGIN}\n{text}{END}{after}", encoding="utf-8")


def _split(card: Path) -> tuple[str, str, str]:
    text = card.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise DataError(f"{card} must have the marks {BEGIN} and {END} once each, on lines of their own.")
    before, rest = text.split(BEGIN)
    inside, after = rest.split(END)
    return before, inside.removeprefix("\n"), after


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _markdown(lines: list[list[str]]) -> str:
    rule = ["---", *["---:"] * (len(lines[0]) - 1)]
    return "".join(f"| {' | '.join(line)} |\n" for line in [lines[0], rule, *lines[1:]])
