"""The page of what goes wrong, from the one table of messages: what you see, why, and what to do."""

from __future__ import annotations

import re

from sparklimits.machine import messages

_HEAD = """# Troubleshooting

What you see when something goes wrong, why, and what to do. Words in *italics*, or in CAPITALS within code, stand for
something that differs from case to case. `sparklimits doctor` says what your machine lacks. This page is written by
`tools/write_troubleshooting_page.py` from the table that holds the messages themselves.

In a notebook the whole story of an error lies folded below its message, and `%tb` shows it too.
"""


def page() -> str:
    """The page in Markdown, a table for each group."""
    parts = [_HEAD]
    for group, heading in messages.groups().items():
        lines = [one for one in messages.every().values() if one.group == group]
        if lines:
            rows = "".join(f"| {_cell(one.see)} | {_cell(one.why)} | {_cell(one.do)} |\n" for one in lines)
            parts.append(f"## {heading}\n\n| what you see | why | what to do |\n|---|---|---|\n{rows}")
    return "\n".join(parts)


def _cell(text: str) -> str:
    """One cell of the table: a place that is filled in is in italics, and no line or bar of it ends the cell."""
    text = re.sub(r"`{(\w+)[^}]*}`", r"*\1*", text)
    # Markdown has no italics within code.
    text = re.sub(
        r"`[^`]+`", lambda code: re.sub(r"{(\w+)[^}]*}", lambda place: place[1].upper(), code[0]), text
    )
    text = re.sub(r"{(\w+)[^}]*}", r"*\1*", text)
    return text.replace("\n", " ").replace("|", "\\|")
