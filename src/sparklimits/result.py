"""One measurement's result: text in a terminal, a table and pictures in a notebook, JSON for programs."""

from __future__ import annotations

import html
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sparklimits import __version__, evidence, scoring
from sparklimits.evidence import Counters
from sparklimits.measure import BASELINE, CANDIDATE

_MEANING = {
    "passed": "the limit is removed",
    "partial": "faster, but not yet by enough",
    "failed": "no faster than the naive way",
    "wrong": "the result is not right, so its speed does not count",
    "inconclusive": "the machine was too restless; a person decides",
    "suspicious": "this cannot be right; a person looks at it",
}


@dataclass(frozen=True)
class TaskResult:
    """One function's part: median seconds, the work counter before and after, and its share of the marks.

    The seconds of a function that does nothing ``on_cluster`` say nothing, and are not shown.
    """

    counter: str
    baseline_s: float
    candidate_s: float
    baseline_counter: float
    candidate_counter: float
    share: float
    on_cluster: bool = True


@dataclass(frozen=True)
class Arm:
    """The evidence of one way: totals, totals by function, and the counters behind them."""

    summary: Mapping[str, float]
    functions: Mapping[str, Mapping[str, float]]
    counters: Mapping[str, Counters]


@dataclass(frozen=True)
class Result:
    """What a measurement found. Times are seconds, ``speedup`` is baseline over candidate."""

    lab: str
    backend: str
    scale: float
    verdict: str
    full_marks_at: float
    speedup: float = math.nan
    low: float = math.nan
    high: float = math.nan
    reasons: Sequence[str] = ()
    speed_share: float = 0.0
    seconds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    tasks: Mapping[str, TaskResult] = field(default_factory=dict)
    quality: Mapping[str, float] = field(default_factory=dict)
    arms: Mapping[str, Arm] = field(default_factory=dict)
    shown: Sequence[str] = ()
    version: str = __version__

    @property
    def pairs(self) -> int:
        """Timed pairs of runs."""
        return len(self.seconds.get(BASELINE, ()))

    def share(self, part: str) -> float:
        """Share of the marks, 0.0 … 1.0, for ``speed`` or for a function's work counter.

        A wrong or suspicious result earns nothing; an inconclusive one earns half of the speed marks until a
        person decides.

        Raises:
            KeyError: there is no such part.
        """
        if part == "speed":
            if self.verdict == "inconclusive":
                return 0.5
            return float(self.speed_share) if self.verdict in ("passed", "partial") else 0.0
        if not self.tasks:
            return 0.0
        value = float(self.tasks[part].share)
        return value if self.verdict not in ("wrong", "suspicious") else 0.0

    def counter_share(self, counter: str, good: float, bad: float) -> float:
        """Share of the marks, 0.0 … 1.0, for one more counter of all the candidate's work.

        It falls from ``bad`` to ``good`` as in :func:`sparklimits.scoring.counter_share`.
        """
        if self.verdict in ("wrong", "suspicious") or not self.arms:
            return 0.0
        return scoring.counter_share(self.arms[CANDIDATE].summary[counter], good, bad)

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
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "quality": dict(self.quality),
            "shares": {"speed": self.share("speed"), **{name: self.share(name) for name in self.tasks}},
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
        if not self.tasks:
            return []
        rows = [
            (f"{name}, seconds", f"{task.baseline_s:.2f}", f"{task.candidate_s:.2f}",
             f"{task.baseline_s / task.candidate_s:.1f}×")
            for name, task in self.tasks.items()
            if task.on_cluster
        ]  # fmt: skip
        rows += [
            (f"{name}, {evidence.words(task.counter)}", evidence.shown(task.counter, task.baseline_counter),
             evidence.shown(task.counter, task.candidate_counter),
             f"{task.baseline_counter / task.candidate_counter:.1f}×" if task.candidate_counter else "")
            for name, task in self.tasks.items()
        ]  # fmt: skip
        graded = {task.counter for task in self.tasks.values()}
        for counter in self.shown:
            if counter not in graded:
                before, after = (
                    evidence.shown(counter, self.arms[arm].summary[counter]) for arm in (BASELINE, CANDIDATE)
                )
                rows.append((evidence.words(counter), before, after, ""))
        return rows

    def headline(self) -> str:
        """One sentence: the verdict, and the speedup with its interval when there is one."""
        text = f"{self.lab}: {self.verdict} ({_MEANING[self.verdict]})"
        if not math.isnan(self.speedup):
            text += (
                f". {self.speedup:.2f} times as fast, 95 % interval {self.low:.2f} to {self.high:.2f}, "
                f"{self.pairs} pairs; full marks from {self.full_marks_at:.2f}"
            )
        return text + "."

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

    def _repr_html_(self) -> str:
        from sparklimits import figures

        body = "".join(
            "<tr>" + "".join(f"<td style='text-align:{'left' if i == 0 else 'right'}'>{html.escape(cell)}</td>"
                             for i, cell in enumerate(row)) + "</tr>"
            for row in self.rows()
        )  # fmt: skip
        items = "".join(f"<li>{html.escape(reason)}</li>" for reason in self.reasons)
        reasons = f"<ul>{items}</ul>" if items else ""
        table = (
            f"<table><tr><th></th><th>naive</th><th>yours</th><th></th></tr>{body}</table>" if body else ""
        )
        picture = figures.as_html(figures.comparison(self)) if self.arms else ""
        return f"<p><b>{html.escape(self.headline())}</b></p>{reasons}{table}{picture}"

    def _median(self, arm: str) -> float | None:
        values = self.seconds.get(arm)
        return round(statistics.median(values), 4) if values else None


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
