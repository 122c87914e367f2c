"""Notebooks whose functions try to earn what they did not do, and honest ones with odd habits: minutes each."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparklimits.grading.referee import arm
from tests import guarded, noise
from tests.marks import autograded, earned
from tests.submissions import honest, hostile


@pytest.mark.parametrize("name", [one.name for one in hostile.IN_A_FUNCTION])
def test_nothing_in_a_function_earns_a_mark_or_does_harm(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arm, "LONGEST", 120)  # for the one without an end
    file = tmp_path / "submitted" / f"{hostile.LAB}.ipynb"
    (tmp_path / "course").mkdir()
    with guarded.course(tmp_path / "course") as there:
        hostile.named(name).write(file, there)
        guard = guarded.Guard(there)
        found = autograded(file, timeout_func=lambda cell: 600)
        assert guard.harm() == []
    assert set(found.values()) == {0.0}, found


@pytest.mark.parametrize("kind", noise.KINDS)
@pytest.mark.parametrize("name", honest.CONTROLS)
def test_an_honest_notebook_keeps_its_marks(name: str, kind: str, tmp_path: Path) -> None:
    with noise.beside(kind):
        found = earned(honest.CONTROLS[name](), tmp_path)
    assert not honest.undue(name, found), found
