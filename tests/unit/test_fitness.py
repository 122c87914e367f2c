"""Is a machine quiet enough to judge speed? The bound from pairs of the same work, and when it is asked for."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from sparklimits.grading.batch import fitness
from sparklimits.grading.batch.fitness import PAIRS, Fitness
from sparklimits.labs import find
from sparklimits.measurement import bars
from tests.unit.test_batch import _fake, grade, hand_in  # noqa: F401

GAIN = 3.0
FAR = 1.01 * bars.CUT * math.log(GAIN)


def seen(wrong: int) -> Fitness:
    return fitness.of(
        [*[-FAR, FAR][:wrong], *[FAR] * (wrong - 2), *[0.0] * (PAIRS - wrong)], GAIN, "a machine"
    )


def test_only_a_pair_that_would_vote_wrongly_counts() -> None:
    assert fitness.of([0.99 * FAR / 1.01, -0.5 * FAR, FAR, -FAR], GAIN).wrong == 2


@pytest.mark.parametrize(
    ("wrong", "vote", "verdict", "fit"),
    [(0, 0.095, 0.0012, True), (2, 0.195, 0.014, True), (3, 0.239, 0.030, False), (PAIRS, 1.0, 1.0, False)],
)
def test_the_bounds_are_those_of_the_published_methods(
    wrong: int, vote: float, verdict: float, fit: bool
) -> None:
    """Clopper and Pearson's for a share, and the gambler's ruin."""
    found = seen(wrong)
    assert found.wrong == wrong
    assert found.vote == pytest.approx(vote, abs=0.001)
    assert found.verdict == pytest.approx(verdict, abs=0.001)
    assert found.fit is fit


def test_an_unfit_machine_is_told_what_to_do() -> None:
    assert "NOT FIT" not in seen(0).told()
    assert seen(0).told().startswith("a machine: 0 of 30 pairs of the same work voted wrongly")
    assert "NOT FIT TO JUDGE SPEED. Stop what else runs on it" in seen(5).told()


@pytest.mark.parametrize(
    ("students", "lab", "asked"), [(10, "lab2_skew", 1), (9, "lab2_skew", 0), (10, "lab0_measuring", 0)]
)
def test_a_class_whose_speed_earns_marks_asks_first(
    students: int,
    lab: str,
    asked: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gains = []
    monkeypatch.setattr(fitness, "measured", lambda gain, cores=(): gains.append(gain) or seen(4))
    for number in range(students):
        hand_in(tmp_path, f"student{number}", lab=lab)
    assert grade(tmp_path)[0] == 0
    assert gains == [find(lab).gain] * asked
    report = (tmp_path / "grades" / "report.html").read_text()
    assert ("NOT FIT" in capsys.readouterr().out) is ("NOT FIT" in report) is bool(asked)
    assert grade(tmp_path)[0] == 0  # nothing is left to grade: nothing is asked
    assert len(gains) == asked


def test_what_cannot_be_measured_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitness, "LONGEST", 0.01)
    assert str(fitness.measured(GAIN)).endswith("how quiet it is could not be measured.")
