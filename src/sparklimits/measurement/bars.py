"""From measurements to marks. The constants come from ``benchmarks/grading_simulation.py``.

All bars are shares of the *log gain*: the logarithm of the speedup that the reference reaches. They stand
inside the gap between the naive way (share 0) and the reference (share 1), never near either end.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from sparklimits.measurement.pairs import estimates, ratio
from sparklimits.measurement.plan import GRADED, Plan

#: Share of the log gain from which a speedup gets full marks.
FULL = 0.60
#: Share of the log gain below which it gets none.
NONE = 0.25
#: Share of the log gain below which more pairs are futile after the first look: a naive way takes longest to measure.
FUTILE = NONE / 2
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


def settled(baseline: Sequence[float], candidate: Sequence[float], gain: float, plan: Plan = GRADED) -> bool:
    """The stopping rule: both estimates agree that a bar is reached or clearly missed.

    To be reached, the full bar must also lie below the whole 95 % interval. To be missed, both estimates must be below
    the lower bar; at the plan's first look, below half of the way to it.
    """
    minima, median = estimates(baseline, candidate)
    log_gain = math.log(gain)
    if min(minima, median) >= FULL * log_gain and ratio(baseline, candidate).low >= Bars.of(gain).full:
        return True
    return max(minima, median) < (FUTILE if len(baseline) <= plan.looks[0] else NONE) * log_gain


def too_noisy(
    baseline: Sequence[float], candidate: Sequence[float], gain: float, plan: Plan = GRADED
) -> bool:
    """Whether the machine was too restless to say anything.

    The pairs went to the last look, and their interval is wider than ``MAX_INTERVAL`` or the two estimates are
    worth shares of the marks that differ by more than a half.
    """
    if len(baseline) < plan.most:
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

    Nothing, unless both estimates are above the lower bar: one lucky run is enough to raise one of them.
    """
    both = estimates(baseline, candidate)
    if min(both) <= NONE * math.log(gain):
        return 0.0
    return share(math.exp(statistics.fmean(both)), gain)


def counter_share(value: float, good: float, bad: float) -> float:
    """Share of the marks, 0 … 1, for a work counter that should fall from ``bad`` to ``good``, in logs."""
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
