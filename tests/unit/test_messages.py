"""The one table of messages: its page is in step, every line is used, and every line has a test that shows it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from sparklimits.display.troubleshooting import page
from sparklimits.machine import messages
from tests.submissions import ROOT


@cache
def calls(folder: Path, name: str) -> tuple[ast.Call, ...]:
    """The calls, under a folder, of what is called by this last name."""
    return tuple(
        node
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == name
    )


def named(call: ast.Call) -> str:
    return call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else ""


def test_the_page_is_in_step_with_the_table() -> None:
    there = (ROOT / "course" / "troubleshooting.md").read_text("utf-8")
    assert there == page(), "run: python tools/write_troubleshooting_page.py"


def test_the_page_has_a_line_for_each_message_and_no_places() -> None:
    lines = [line for line in page().splitlines() if line.startswith("| ") and "what you see" not in line]
    assert len(lines) == len(messages.every())
    assert "{" not in page()
    assert {line.count(" | ") for line in lines} == {2}


@pytest.mark.parametrize("name", messages.every())
def test_each_message_has_a_test_that_shows_it(name: str) -> None:
    assert name in {named(call) for call in calls(ROOT / "tests", "shows")}


def test_each_mark_names_a_message() -> None:
    assert {named(call) for call in calls(ROOT / "tests", "shows")} <= messages.every().keys()


def test_what_is_told_is_in_the_table_with_a_value_for_each_place() -> None:
    for call in calls(ROOT / "src", "tell"):
        if named(call):
            given = {keyword.arg for keyword in call.keywords}
            assert messages.every()[named(call)].places == given, named(call)


@pytest.mark.parametrize("one", messages.every().values(), ids=messages.every())
def test_each_message_is_sentences(one: messages.Message) -> None:
    for text in (one.see, one.why, one.do):
        assert text.endswith((".", "}", "*", ")")), text
        assert text[0].isupper() or text.startswith(("`", "{")), text
