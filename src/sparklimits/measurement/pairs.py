"""Paired timing: how many times faster is one way than another, and how sure is that.

Both ways run in turn, in random order within a pair, each run on fresh data, after a warm-up of each. The
pairs stop when the decision is clear, by a rule fixed beforehand (:mod:`sparklimits.measurement.bars`).
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from scipy import stats

from sparklimits.measurement.plan import BASELINE, CANDIDATE, GRADED, Place, Plan

CONFIDENCE = 0.95

Output = TypeVar("Output")


@dataclass(frozen=True)
class PairedRun(Generic[Output]):
    """One run of a pair: where it stands, the wall-clock ``seconds``, and what it gave."""

    place: Place
    seconds: float
    output: Output


@dataclass(frozen=True)
class Ratio:
    """Baseline time over candidate time. ``low`` and ``high`` bound a 95 % interval."""

    speedup: float
    low: float
    high: float


def ratio(baseline: Sequence[float], candidate: Sequence[float]) -> Ratio:
    """The geometric mean of the pairs' ratios, with Student's t interval of their logarithms.

    ``baseline`` and ``candidate`` are seconds, paired by position; at least two pairs.

    Raises:
        ValueError: fewer than two pairs, or sequences of unequal length.
    """
    logs = log_ratios(baseline, candidate)
    if len(logs) < 2:
        raise ValueError("an interval needs at least two pairs")
    centre = statistics.fmean(logs)
    half = stats.t.ppf((1 + CONFIDENCE) / 2, len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
    return Ratio(math.exp(centre), math.exp(centre - half), math.exp(centre + half))


def log_ratios(baseline: Sequence[float], candidate: Sequence[float]) -> list[float]:
    """Each pair's logarithm of baseline time over candidate time."""
    return [math.log(slow / fast) for slow, fast in zip(baseline, candidate, strict=True)]


def estimates(baseline: Sequence[float], candidate: Sequence[float]) -> tuple[float, float]:
    """Two estimates of the log gain that fail in different ways.

    The ratio of the second-fastest runs ignores every disturbed run, and one that is fast beyond belief; the median of
    the pairs' ratios ignores drift. A decision wants both to agree. Of two pairs it takes the fastest runs.
    """
    place = 1 if len(baseline) > 2 else 0
    fast = math.log(sorted(baseline)[place] / sorted(candidate)[place])
    return fast, statistics.median(log_ratios(baseline, candidate))


def paired(
    run: Callable[[Place], tuple[float, Output]],
    settled: Callable[[list[float], list[float]], bool],
    *,
    rng: random.Random,
    plan: Plan = GRADED,
    progress: Callable[[str], None] = lambda message: None,
) -> list[PairedRun[Output]]:
    """Runs both ways in pairs until the rule says that it is settled, or the plan ends.

    Args:
        run: makes the run of this place, on data that no run has had; returns the seconds that count, and the run's
            output.
        settled: the stopping rule, from the seconds of all baseline and all candidate runs so far.
        rng: decides which arm of a pair goes first.
        plan: the warm-ups, and the numbers of pairs between which the rule is asked.
        progress: is told what runs now and what is left.

    Returns:
        The timed runs in the order in which they ran, warm-ups excluded.
    """
    for arm in plan.warm_ups:
        progress(f"warming up: {arm}")
        run(Place(arm, None))
    runs: list[PairedRun[Output]] = []
    for pair in range(plan.most):
        arms = [BASELINE, CANDIDATE]
        rng.shuffle(arms)
        for arm in arms:
            progress(f"pair {pair + 1} of {_planned(pair, plan)}: {arm}")
            place = Place(arm, pair)
            runs.append(PairedRun(place, *run(place)))
        if pair + 1 >= plan.least and settled(seconds_of(runs, BASELINE), seconds_of(runs, CANDIDATE)):
            break
    return runs


def _planned(pair: int, plan: Plan) -> str:
    """How many pairs there will be, as far as that is known at this one."""
    if pair >= plan.least:
        return f"at most {plan.most}"
    return f"{plan.least}" if plan.least == plan.most else f"{plan.least} (at most {plan.most})"


def seconds_of(runs: Sequence[PairedRun[Output]], arm: str) -> list[float]:
    """The seconds of one arm's runs, by pair."""
    return [one.seconds for one in sorted(runs, key=lambda one: one.place.pair or 0) if one.place.arm == arm]
