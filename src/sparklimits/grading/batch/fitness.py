"""Is a machine quiet enough to judge speed? The same work is timed in pairs, as a measurement does it.

A pair of the same work has a speedup of 1. One that votes otherwise is the machine's noise, and so many of such pairs
bound the error of every verdict on speed that comes from this machine.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from sparklimits.grading.batch import start
from sparklimits.grading.batch.process import end
from sparklimits.measurement import bars

#: Pairs, and the share of the data of each run: about a second.
PAIRS, SCALE = 30, 0.3
#: The bound of a vote's error above which a machine is unfit: 3 of 30 pairs are above it.
MOST = 0.2
#: From so many submissions of labs whose speed earns marks a machine is looked at first: it takes two minutes.
CLASS = 10
#: Seconds that it may take.
LONGEST = 1200


@dataclass(frozen=True)
class Fitness:
    """What the pairs say of one machine for labs of this least gain.

    ``wrong`` of ``pairs`` voted as if the work were faster, or slower, by as much as lies between a bar and the cut.
    """

    machine: str
    pairs: int
    wrong: int
    gain: float

    @property
    def vote(self) -> float:
        """The upper 95 % bound of a vote's error (C. J. Clopper and E. S. Pearson, Biometrika 26, 1934)."""
        if self.wrong >= self.pairs:
            return 1.0
        return float(stats.beta.ppf(0.95, self.wrong + 1, self.pairs - self.wrong))

    @property
    def verdict(self) -> float:
        """The bound of the error of a verdict on speed that follows from it."""
        wrong, right = self.vote**bars.LEAD, (1 - self.vote) ** bars.LEAD
        return wrong / (wrong + right)

    @property
    def fit(self) -> bool:
        """Whether speed can be judged here."""
        return self.vote <= MOST

    def told(self) -> str:
        """A sentence on it."""
        seen = (
            f"{self.machine}: {self.wrong} of {self.pairs} pairs of the same work voted wrongly, so a vote is wrong in "
            f"{100 * self.vote:.0f} % at most, and a verdict on speed in {100 * self.verdict:.2g} %"
        )
        if self.fit:
            return f"{seen}."
        return (
            f"{seen}: THIS MACHINE IS NOT FIT TO JUDGE SPEED. Stop what else runs on it, and run the command again; "
            "grade labs whose marks are counters here, and speed elsewhere."
        )


def of(logs: Sequence[float], gain: float, name: str = "") -> Fitness:
    """The fitness for labs from this gain on, from the logarithms of the pairs' ratios."""
    wrong = sum(abs(one) > bars.CUT * math.log(gain) for one in logs)
    return Fitness(name or platform.node(), len(logs), wrong, gain)


def measured(gain: float, cores: tuple[int, ...] = ()) -> Fitness | str:
    """Times the pairs in a process of its own, on these cores (empty: all); a sentence where that fails."""
    command = [sys.executable, "-P", "-m", "sparklimits.grading.batch.fitness", ",".join(map(str, cores))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          start_new_session=True) as process:  # fmt: skip
        try:
            told, _ = process.communicate(timeout=LONGEST)
            return of(json.loads(told), gain)
        except (subprocess.TimeoutExpired, ValueError):
            return f"{platform.node()}: how quiet it is could not be measured."
        finally:
            end(process)


def main(cores: Sequence[int]) -> list[float]:
    """The logarithms of the ratios of pairs of lab 0's naive way, each run on fresh data."""
    from sparklimits.labs import find
    from sparklimits.measurement.experiment import Experiment
    from sparklimits.spark import session

    if cores:
        os.sched_setaffinity(0, cores)
    lab = find("lab0_measuring")
    ways = {one.name: one.naive for one in lab.exercises if one.timed}
    experiment = Experiment(lab, session.get(lab.constraints), scale=SCALE)
    for _ in range(3):
        experiment.run(ways)
    seconds = [experiment.run(ways).total for _ in range(2 * PAIRS)]
    session.stop()
    return [math.log(first / second) for first, second in zip(seconds[::2], seconds[1::2], strict=True)]


if __name__ == "__main__":
    start.hold()
    found = main([int(one) for one in sys.argv[1].split(",") if one])
    print(json.dumps(found))
