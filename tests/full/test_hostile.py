"""Notebooks that try in their kernel to earn what they did not do; those whose functions try: ``tests/nightly``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sparklimits.grading.referee.launcher import Launch
from sparklimits.grading.referee.notebook import Judged, Marks
from tests.marks import earned
from tests.referee import NOTHING, Launcher
from tests.submissions import hostile

WITHOUT_SESSION = "object.__new__(__import__('sparklimits.notebook').notebook.OpenLab)"


@pytest.fixture
def nothing_earned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares a notebook its measurement: it has no function that earns anything, whatever its kernel says."""
    judge = Marks.judge

    def spared(self: Marks, scale: float, launch: Launch, progress: Callable[[str], None]) -> Judged:
        return judge(self, scale, Launcher(NOTHING), progress)

    monkeypatch.setattr(Marks, "judge", spared)


@pytest.mark.parametrize("name", hostile.IN_THE_KERNEL)
@pytest.mark.usefixtures("nothing_earned")
def test_nothing_in_the_kernel_earns_a_mark(name: str, tmp_path: Path) -> None:
    notebook = hostile.notebook(name)
    for (
        cell
    ) in notebook.cells:  # a lab without its session: what a kernel says of marks does not depend on it
        cell.source = cell.source.replace(f'open_lab("{hostile.LAB}")', WITHOUT_SESSION)
    found = earned(notebook, tmp_path)
    assert set(found.values()) == {0.0}, found
