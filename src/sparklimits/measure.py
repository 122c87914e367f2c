"""Paired timing: how many times faster is one way than another, and how sure is that.

Both ways run in turn, in random order within a pair, each run on fresh data, after a warm-up of each. The
pairs stop early when the decision is clear, by a rule fixed beforehand (:mod:`sparklimits.scoring`).
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from scipy import stats

BASELINE, CANDIDATE = "baseline", "candidate"
#: Numbers of pairs after which the stopping rule is asked.
LOOKS = (3, 5, 9)
CONFIDENCE = 0.95
#: The warm-up runs, which come first and are not counted. Java compiles what runs often: a short run is the longer
#: disturbed by it, and the candidate is the short one.
WARM_UPS = (BASELINE, CANDIDATE, CANDIDATE)

Output = TypeVar("Output")


@dataclass(frozen=True)
class Timed(Generic[Output]):
    """One run: the wall-clock ``seconds`` and what the run gave."""

    arm: str
    pair: int
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

    The ratio of the minima ignores every disturbed run; the median of the pairs' ratios ignores drift. A
    decision wants both to agree.
    """
    minima = math.log(min(baseline) / min(candidate))
    return minima, statistics.median(log_ratios(baseline, candidate))


def paired(
    run: Callable[[str, int], tuple[float, Output]],
    settled: Callable[[list[float], list[float]], bool],
    *,
    looks: Sequence[int] = LOOKS,
    rng: random.Random,
    progress: Callable[[str], None] = lambda message: None,
) -> list[Timed[Output]]:
    """Runs pairs until ``settled`` says stop at a look, or the last look is reached.

    Args:
        run: makes one run of an arm (``baseline`` or ``candidate``) with the given run number, which no other
            run has (fresh data follow from it); returns the seconds that count, and the run's output.
        settled: the stopping rule, from the seconds of all baseline and all candidate runs so far.
        looks: numbers of pairs at which the rule is asked.
        rng: decides which arm of a pair goes first.
        progress: is told what runs now and what is left.

    Returns:
        The timed runs in the order in which they ran, warm-ups excluded.
    """

    def one(arm: str, pair: int, number: int) -> Timed[Output]:
        seconds, output = run(arm, number)
        return Timed(arm, pair, seconds, output)

    for number, arm in enumerate(WARM_UPS):
        progress(f"warming up: {arm}")
        one(arm, -1, number)
    runs: list[Timed[Output]] = []
    number = len(WARM_UPS)
    for pair in range(max(looks)):
        arms = [BASELINE, CANDIDATE]
        rng.shuffle(arms)
        for arm in arms:
            coming = next(look for look in looks if look > pair)
            progress(
                f"pair {pair + 1} of {coming}{'' if coming == max(looks) else f' (at most {max(looks)})'}: {arm}"
            )
            runs.append(one(arm, pair, number))
            number += 1
        if pair + 1 in looks and settled(seconds_of(runs, BASELINE), seconds_of(runs, CANDIDATE)):
            break
    return runs


def seconds_of(runs: Sequence[Timed[Output]], arm: str) -> list[float]:
    """The seconds of one arm's runs, by pair."""
    return [timed.seconds for timed in sorted(runs, key=lambda timed: timed.pair) if timed.arm == arm]
