"""The hostile notebooks themselves: each says what it tries, can be made, and meets what stands in the file's way."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

from sparklimits.grading.marks import name_of
from sparklimits.grading.reading import read_submission
from sparklimits.grading.recovery import recover, release_of
from tests.submissions import hostile

THERE = hostile.Surroundings(Path("/the/course"), 4321, "a-word")


def test_there_are_attacks_of_every_kind() -> None:
    count = Counter(one.kind for one in hostile.ATTACKS)
    assert set(count) == set(hostile.KINDS)
    assert min(count.values()) > 10
    assert len({one.name for one in hostile.ATTACKS}) == len(hostile.ATTACKS)


@pytest.mark.parametrize("attack", hostile.ATTACKS, ids=lambda one: one.name)
def test_each_attack_says_what_it_tries_and_is_a_program(attack: hostile.Attack) -> None:
    assert 40 < len(attack.says) < 200
    texts = [*getattr(attack.module, "CELLS", {}).values(), getattr(attack.module, "OPENING", "")]
    assert any(texts) or attack.changes_the_file
    for text in texts:
        told = THERE.told(text)
        assert "@" not in told.replace("x@localhost", "")
        ast.parse(told)


@pytest.mark.parametrize("name", ["points_raised", "cells_unlocked_and_rewritten", "cells_that_are_not_run"])
def test_what_the_file_says_of_marks_is_not_heard(name: str, tmp_path: Path) -> None:
    file, release = tmp_path / f"{hostile.LAB}.ipynb", release_of(hostile.LAB)
    hostile.named(name).write(file)
    notebook, said = recover(read_submission(file)[0], release, file.name)
    own = {name_of(cell): cell for cell in release.cells if name_of(cell)}
    for cell in notebook.cells:
        if name_of(cell):
            assert cell.metadata == own[name_of(cell)].metadata
            assert cell.source == own[name_of(cell)].source or not cell.metadata.nbgrader.locked
    assert said or name == "cells_that_are_not_run"
