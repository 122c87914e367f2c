"""The measurement of a submission by the referee: protocol, bars and verdicts as of ``lab.prove()``, from outside."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from sparklimits.grading.referee.launcher import Launch, plain
from sparklimits.grading.referee.outside import Outside
from sparklimits.machine import reasons
from sparklimits.measurement import bars, verdict
from sparklimits.measurement.lab import Lab
from sparklimits.measurement.measurement import Measurement, also_on
from sparklimits.measurement.plan import ROUGH
from sparklimits.measurement.result import Result
from sparklimits.spark import interrupts


class Referee:
    """Measures what a student wrote. Use it as a context manager: its processes end with the block.

    In graded cells it stands in the place of ``lab``.

    Args:
        lab: the lab.
        cells: the student's cells, by the lab's functions.
        scale: multiplies the data.
        launch: starts a process.
        progress: is told what runs now.
    """

    def __init__(
        self,
        lab: Lab,
        cells: Mapping[str, str],
        *,
        scale: float,
        launch: Launch = plain,
        progress: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.lab, self.scale, self._progress = lab, scale, progress
        self._bench = Outside(lab, cells, launch)
        self._paired = False

    def __enter__(self) -> Referee:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bench.end()

    @property
    def functions(self) -> Mapping[str, Callable[..., Any]]:
        """The student's functions: to call one is to ask in its process, with plain values."""
        return self._bench.functions

    def measure(self) -> Result:
        """The result of the student's functions. What is no fault of theirs makes it ``inconclusive``."""
        try:
            self._progress("starting a process for each way")
            absent = self._bench.absent()
            there = {name: one for name, one in self.functions.items() if name not in absent}
            result = self._measurement().measure(there, absent)
            self._paired = result.pairs > 0
            return result
        except Exception as error:
            interrupts.heed()
            reason = str(reasons.of(error))
            return verdict.undecided(self.lab, reason, scale=self.scale, backend=self._bench.backend)

    def also_on(self, result: Result, variant: str, seed: int) -> Result:
        """The same result, less what the functions earned that are not right on one more data set.

        The seed stays in this process.
        """
        return also_on(result, self.lab, self.functions, variant, lambda: self._measurement(seed))

    def share(self, part: str, count: float) -> float:
        """Share of the marks, 0.0 … 1.0, that this count would earn by the bar of a part of the lab."""
        return bars.counter_share(count, *self.lab.bars[part].at(self.scale))

    def facts(self) -> Mapping[str, Any]:
        """What the notebook's questions are about, by the notebook's names for it: measured here, of the naive way.

        The last pair has some of it.

        Raises:
            MachineError: the machine did not let it be measured.
        """
        if self.lab.facts is None:
            return {}
        counters, data = self._bench.seen if self._paired else ({}, self._measurement().fresh())
        if rest := [one for one in self.lab.facts.exercises if one.name not in counters]:
            self._progress("measuring what the questions are about")
            ways = {one.name: one.naive for one in rest}
            found = self._bench.run(rest, ways, data, f"{random.getrandbits(48):012x}")
            counters = counters | {name: part.counters for name, part in found.items()}
        return self.lab.facts.names(counters, data)

    def _measurement(self, seed: int | None = None) -> Measurement:
        # Where the clock earns nothing, two pairs show the kind of gain.
        plan = None if self.lab.speed_earns else ROUGH
        return Measurement(
            self.lab, self._bench, scale=self.scale, seed=seed, plan=plan, progress=self._progress
        )
