"""From measurements to marks. The constants come from ``benchmarks/grading_simulation.py``.

All bars are shares of the *log gain*: the logarithm of the speedup that the reference reaches. They stand
inside the gap between the naive way (share 0) and the reference (share 1), never near either end.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from sparklimits.measurement.pairs import estimates, log_ratios, ratio
from sparklimits.measurement.plan import GRADED, Plan

#: Share of the log gain from which a speedup gets full marks.
FULL = 0.60
#: Share of the log gain below which it gets none.
NONE = 0.25
#: Each pair votes for one side of this share of the log gain: it lies between the bars.
CUT = 0.45
#: By so many votes one side must lead. A vote that is wrong with probability q at most, whatever came before, lets the
#: wrong side lead first with probability q^LEAD / (q^LEAD + (1-q)^LEAD) at most (gambler's ruin; A. Wald, Sequential
#: Analysis, 1947).
LEAD = 3
#: Where neither side leads after all pairs: so many of ten pairs must be above this share of the log gain, or there
#: are no marks for speed.
ABOVE, MOST_OF_TEN = 0.20, 7
#: A 95 % interval of the speedup wider than this factor (high over low), after all pairs, is too noisy.
MAX_INTERVAL = 4.0
#: A speedup this many times the reference's own is left for a person to look at.
SUSPICIOUS = 8.0


@dataclass(frozen=True)
class Bars:
    """The bars of one lab, as speedups: no marks up to ``none``, full marks from ``full``."""

    none: float
    full: float

    @classmethod
    def of(cls, gain: float) -> Bars:
        """The bars for a lab whose reference reaches ``gain``."""
        return cls(none=gain**NONE, full=gain**FULL)


def votes(baseline: Sequence[float], candidate: Sequence[float], gain: float) -> int:
    """Pairs above the cut, less those below it."""
    cut = CUT * math.log(gain)
    return sum(1 if one > cut else -1 for one in log_ratios(baseline, candidate))


def reached(baseline: Sequence[float], candidate: Sequence[float], gain: float) -> bool:
    """Whether full marks are reached: the votes lead, and both estimates are above the upper bar."""
    return votes(baseline, candidate, gain) >= LEAD and min(
        estimates(baseline, candidate)
    ) >= FULL * math.log(gain)


def missed(baseline: Sequence[float], candidate: Sequence[float], gain: float) -> bool:
    """Whether all marks are missed: the votes lead, and both estimates are below the lower bar."""
    return votes(baseline, candidate, gain) <= -LEAD and max(
        estimates(baseline, candidate)
    ) <= NONE * math.log(gain)


def settled(baseline: Sequence[float], candidate: Sequence[float], gain: float) -> bool:
    """The stopping rule: a bar is reached or missed. What lies between the bars takes all pairs."""
    return reached(baseline, candidate, gain) or missed(baseline, candidate, gain)


def too_noisy(
    baseline: Sequence[float], candidate: Sequence[float], gain: float, plan: Plan = GRADED
) -> bool:
    """Whether the machine was too noisy to say anything.

    All pairs were run and nothing was settled, and their interval is wider than ``MAX_INTERVAL`` or the two estimates
    are worth shares of the marks that differ by more than a half.
    """
    if len(baseline) < plan.most or settled(baseline, candidate, gain):
        return False
    found = ratio(baseline, candidate)
    shares = [share(math.exp(estimate), gain) for estimate in estimates(baseline, candidate)]
    return found.high / found.low > MAX_INTERVAL or abs(shares[0] - shares[1]) > 0.5


def share(speedup: float, gain: float) -> float:
    """Share of the marks, 0 … 1, for a speedup: the clipped share of the way between the bars, in logs."""
    bars = Bars.of(gain)
    way = math.log(max(speedup, 1e-9) / bars.none) / math.log(bars.full / bars.none)
    return float(min(1.0, max(0.0, way)))


def speed_share(baseline: Sequence[float], candidate: Sequence[float], gain: float) -> float:
    """Share of the marks for measured seconds: what the two estimates' geometric mean would get.

    Nothing, where full marks are not reached and too few pairs are above ``ABOVE``: a few lucky ones earn nothing.
    """
    if reached(baseline, candidate, gain):
        return 1.0
    above = sum(one > ABOVE * math.log(gain) for one in log_ratios(baseline, candidate))
    if 10 * above < MOST_OF_TEN * len(baseline):
        return 0.0
    return share(math.exp(statistics.fmean(estimates(baseline, candidate))), gain)


def counter_share(value: float, good: float, bad: float) -> float:
    """Share of the marks, 0 … 1, for a work counter that should fall from ``bad`` to ``good``, in logs."""
    if math.isinf(value):
        return 0.0
    way = math.log(bad / max(value, 1e-9)) / math.log(bad / good)
    return float(min(1.0, max(0.0, way)))


def points(share: float, most: float = 1.0) -> float:
    """Marks for a share of ``most``: a plain float between 0 and ``most``, as nbgrader needs it.

    In the source of a notebook ``most`` is left out: it stands in the metadata of the cell, and is written into the
    student's copy from there (:class:`sparklimits.grading.preprocessors.WritePoints`). nbgrader gives full marks for
    anything that is no plain number, so that everything else becomes zero here.
    """
    value = float(share)
    return round(float(most) * min(1.0, max(0.0, value)), 2) if math.isfinite(value) else 0.0
