"""One measurement's result: text in a terminal, rows of a table, JSON for programs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sparklimits import __version__
from sparklimits.measurement.plan import BASELINE, CANDIDATE
from sparklimits.spark.counters import Counters, counter_name, counter_value

#: The part of the marks that the clock gives, beside those of the functions.
SPEED = "speed"
#: The variable that names, to a kernel that grades, the file with the result that the referee has measured.
REFEREED = "SPARKLIMITS_REFEREED"
VERDICTS = ("passed", "partial", "failed", "wrong", "inconclusive", "suspicious")

_MEANING = {
    "passed": "the limit is removed",
    "partial": "faster, but not yet by enough",
    "failed": "no faster than the naive way",
    "wrong": "the result is not right, so its speed does not count",
    "inconclusive": "the machine did not let it be decided; a person decides",
    "suspicious": "this cannot be right; a person looks at it",
}


@dataclass(frozen=True)
class ExerciseResult:
    """One function's part: median seconds, and the work counter before and after.

    The seconds of a function that is not ``clocked`` say nothing, and are not shown.
    """

    counter: str
    baseline_s: float
    candidate_s: float
    baseline_counter: float
    candidate_counter: float
    clocked: bool = True


@dataclass(frozen=True)
class Arm:
    """The evidence of one way: totals, totals by function, and the counters behind them."""

    summary: Mapping[str, float]
    functions: Mapping[str, Mapping[str, float]]
    counters: Mapping[str, Counters]


@dataclass(frozen=True)
class Result:
    """What a measurement found. Times are seconds, ``speedup`` is baseline over candidate.

    ``discarded_pairs`` ran in attempts before this one, which were inconclusive.
    ``stories`` are all that was said of errors whose ``reasons`` are one paragraph each.
    """

    lab: str
    backend: str
    scale: float
    verdict: str
    full_marks_at: float
    speedup: float = math.nan
    low: float = math.nan
    high: float = math.nan
    reasons: Sequence[str] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    exercises: Mapping[str, ExerciseResult] = field(default_factory=dict)
    quality: Mapping[str, float] = field(default_factory=dict)
    arms: Mapping[str, Arm] = field(default_factory=dict)
    shown: Sequence[str] = ()
    discarded_pairs: int = 0
    stories: Sequence[str] = ()
    version: str = __version__

    @property
    def pairs(self) -> int:
        """Timed pairs of runs."""
        return len(self.seconds.get(BASELINE, ()))

    def share(self, part: str) -> float:
        """Share of the marks, 0.0 … 1.0, for ``speed``, a function's work counter, or one of the lab's further bars.

        A function that is wrong, failed or suspicious earns nothing. What the machine did not let be decided earns half
        until a person decides.

        Raises:
            KeyError: there is no such part.
        """
        return float(self.shares[part])

    def as_json(self) -> dict[str, Any]:
        """The object that ``sparklimits run --json`` prints; numbers that were not measured are null."""
        return {
            "lab": self.lab,
            "version": self.version,
            "backend": self.backend,
            "scale": self.scale,
            "baseline_s": self._median(BASELINE),
            "candidate_s": self._median(CANDIDATE),
            "speedup": _number(self.speedup),
            "low": _number(self.low),
            "high": _number(self.high),
            "pairs": self.pairs,
            "discarded_pairs": self.discarded_pairs,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "quality": dict(self.quality),
            "shares": dict(self.shares),
            "seconds": {arm: [round(value, 3) for value in values] for arm, values in self.seconds.items()},
            "evidence": {
                arm: {
                    **part.summary,
                    "functions": {name: dict(values) for name, values in part.functions.items()},
                }
                for arm, part in self.arms.items()
            }
            or {BASELINE: {}, CANDIDATE: {}},
        }

    def rows(self) -> list[tuple[str, str, str, str]]:
        """The table: what, naive, yours, how many times better."""
        if not self.exercises:
            return []
        # The quotient of two medians is another number than the mean of the pairs: one of them is enough.
        rows = [
            (f"{name}, median seconds", f"{part.baseline_s:.2f}", f"{part.candidate_s:.2f}", "")
            for name, part in self.exercises.items()
            if part.clocked
        ]
        if not math.isnan(self.speedup):
            rows.append(("speedup, mean of the pairs", "", "", f"{self.speedup:.2f}×"))
        rows += [
            (f"{name}, {counter_name(part.counter)}", counter_value(part.counter, part.baseline_counter),
             counter_value(part.counter, part.candidate_counter),
             f"{part.baseline_counter / part.candidate_counter:.1f}×" if part.candidate_counter else "")
            for name, part in self.exercises.items()
        ]  # fmt: skip
        graded = {part.counter for part in self.exercises.values()}
        for counter in self.shown:
            if counter not in graded:
                before, after = (
                    counter_value(counter, self.arms[arm].summary[counter]) for arm in (BASELINE, CANDIDATE)
                )
                rows.append((counter_name(counter), before, after, ""))
        return rows

    def headline(self) -> str:
        """One sentence: the verdict, and the speedup with its interval when there is one."""
        meaning = _MEANING[self.verdict]
        if self.verdict == "failed" and self.reasons:
            meaning = "a function did not run to its end"
        text = f"{self.lab}: {self.verdict} ({meaning})"
        if not math.isnan(self.speedup):
            text += (
                f". {self.speedup:.2f} times as fast, 95 % interval {self.low:.2f} to {self.high:.2f}, "
                f"{self.pairs} pairs{self._discarded()}; full marks from {self.full_marks_at:.2f}"
            )
        return text + "."

    def _discarded(self) -> str:
        if not self.discarded_pairs:
            return ""
        return f" (and {self.discarded_pairs} before them, that did not decide it and do not count)"

    def __str__(self) -> str:
        rows = [("", "naive", "yours", ""), *self.rows()]
        lines = [self.headline(), *(f"  reason: {reason}" for reason in self.reasons)]
        if len(rows) > 1:
            widths = [max(len(row[column]) for row in rows) for column in range(4)]
            lines += [
                "  " + row[0].ljust(widths[0]) + "".join(f"  {row[i].rjust(widths[i])}" for i in (1, 2, 3))
                for row in rows
            ]
        lines += [f"  {name}: {value:g}" for name, value in self.quality.items()]
        return "\n".join(lines)

    def _median(self, arm: str) -> float | None:
        values = self.seconds.get(arm)
        return round(statistics.median(values), 4) if values else None


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
