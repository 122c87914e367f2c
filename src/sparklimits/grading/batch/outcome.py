"""What came of grading one submission once, and which of several attempts stands."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

#: How an attempt ended. ``REFUSED``: no grade can be made of this file, however often it is tried. ``CRASHED``: the
#: grading process ended without a word. ``UNFIT``: the machine did not let it be graded.
GRADED, REFUSED, CRASHED, UNFIT = "graded", "refused", "crashed", "unfit"
#: Verdicts of the table beside those of a measurement. None of them has a score, and none is a zero.
MISSING, PENDING, UNGRADED = "missing", "pending", "ungraded"
#: How often a submission is graded when the machine did not let it be decided, or the grading process crashed.
ATTEMPTS = 3


@dataclass(frozen=True)
class Outcome:
    """One attempt.

    Attributes:
        kind: how it ended.
        reasons: sentences, for the instructor.
        marks: points of each graded cell; None where a person grades it.
        most: the most points that each can give.
        verdict: that of the measurement; empty without one.
        speedup: naive time over the student's; None if it was not measured.
        again: whether a second attempt could decide more.
        seconds: how long it took.
        machine: where it ran, and in which sandbox.
    """

    kind: str
    reasons: Sequence[str] = ()
    marks: dict[str, float | None] = field(default_factory=dict)
    most: dict[str, float] = field(default_factory=dict)
    verdict: str = ""
    speedup: float | None = None
    again: bool = False
    seconds: float = 0.0
    machine: str = ""

    @property
    def score(self) -> float:
        """The points of the cells that are graded without a person."""
        return sum(points for points in self.marks.values() if points is not None)

    @property
    def max_score(self) -> float:
        """The most that these cells can give."""
        return sum(self.most[cell] for cell, points in self.marks.items() if points is not None)

    def as_text(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str | bytes) -> Outcome:
        """The outcome that :meth:`as_text` wrote.

        Raises:
            ValueError: it is none.
        """
        try:
            found: dict[str, Any] = json.loads(text)
            return cls(**found)
        except TypeError as error:
            raise ValueError(f"no outcome: {error}") from error


def standing(attempts: Iterable[Outcome]) -> Outcome | None:
    """The attempt that counts: the one with the most points; of equal ones a decided one; then the first."""
    best: Outcome | None = None
    for one in attempts:
        if best is None or _rank(one) > _rank(best):
            best = one
    return best


def _rank(outcome: Outcome) -> tuple[bool, float, bool]:
    return outcome.kind == GRADED, outcome.score, not outcome.again


def wants_more(attempts: Sequence[Outcome], now: int) -> bool:
    """Whether a submission is to be graded (again).

    Args:
        attempts: all that was tried, in earlier runs of the batch too.
        now: how many of these are of this run: where the machine was the reason, another run begins anew.
    """
    if any(one.kind == REFUSED or (one.kind == GRADED and not one.again) for one in attempts):
        return False
    return now < ATTEMPTS and sum(one.kind != UNFIT for one in attempts) < ATTEMPTS
