"""The plan of a measurement, and a run's place in it."""

from __future__ import annotations

from dataclasses import dataclass

from sparklimits.machine.scale import CLOCKED

BASELINE, CANDIDATE = "baseline", "candidate"


@dataclass(frozen=True)
class Plan:
    """How a measurement goes: the arms that warm up, in order, and the least and the most pairs.

    The warm-up runs are not counted. Before them the candidate was checked on other data, so that it has run twice when
    the pairs begin: Java compiles what runs often, and a short run is the longer disturbed by it. From ``least`` pairs
    on, the stopping rule is asked after each. A measurement on a noisy machine is made ``attempts`` times before it
    is left for a person.
    """

    warm_ups: tuple[str, ...] = (BASELINE, CANDIDATE)
    least: int = 3
    most: int = 11
    attempts: int = 2


#: The plan that marks for speed are given by.
GRADED = Plan()
#: Where the clock gives no marks, a few pairs show the speedup.
SHOWN = Plan(most=3, attempts=1)
#: Enough to see the counters and the kind of gain, too little for marks for speed.
ROUGH = Plan(warm_ups=(BASELINE,), least=2, most=2, attempts=1)


def wanted(speed_earns: bool, scale: float) -> Plan:
    """The plan that is enough for what is judged on data of this scale."""
    if scale < CLOCKED:
        return ROUGH
    return GRADED if speed_earns else SHOWN


@dataclass(frozen=True)
class Place:
    """Where a run stands in its measurement: its arm, and the number of its pair from 0 on; a warm-up has none."""

    arm: str
    pair: int | None

    @property
    def warms_up(self) -> bool:
        """Whether the run is a warm-up, which does not count."""
        return self.pair is None
