"""A cell that says nothing for long says what Spark does; one that is quick, or speaks for itself, gets no line."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import IPython.display
import pytest
from pyspark import SparkContext

from sparklimits.display import waiting
from sparklimits.display.progress import Progress


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the line says, each time that it is written."""
    found: list[str] = []

    def display(text: Any, display_id: bool) -> SimpleNamespace:
        found.append(text.data)
        return SimpleNamespace(update=lambda text: found.append(text.data))

    monkeypatch.setattr(IPython.display, "display", display)
    monkeypatch.setattr(waiting, "_SILENCE", 0.1)
    monkeypatch.setattr(waiting, "_LOOK", 0.05)
    return found


def cell(seconds: float) -> None:
    watcher = waiting._Watcher()
    watcher.begin(None)
    time.sleep(seconds)
    watcher.end(None)


def test_a_long_cell_says_what_spark_does_and_that_it_is_done(
    lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = SimpleNamespace(numTasks=18, numCompletedTasks=7)
    tracker = SimpleNamespace(getActiveStageIds=lambda: [3], getStageInfo=lambda number: stage)
    monkeypatch.setattr(SparkContext, "_active_spark_context", SimpleNamespace(statusTracker=lambda: tracker))
    cell(0.5)
    assert lines[0] == "Spark works: 7 of 18 tasks of this stage are done · 0:00"
    assert lines[-1] == "done · 0:00"


def test_a_quick_cell_gets_no_line_and_neither_does_one_that_says_more(lines: list[str]) -> None:
    cell(0.0)
    with Progress("opening"):
        cell(0.4)
    assert lines == []
