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
            return self._measurement().measure(there, absent)
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

        Raises:
            MachineError: the machine did not let it be measured.
        """
        if self.lab.facts is None:
            return {}
        self._progress("measuring what the questions are about")
        data = self._measurement().fresh()
        ways = {one.name: one.naive for one in self.lab.facts.exercises}
        name = f"{random.getrandbits(48):012x}"
        found = self._bench.run(self.lab.facts.exercises, ways, data, name)
        return self.lab.facts.names({name: part.counters for name, part in found.items()}, data)

    def _measurement(self, seed: int | None = None) -> Measurement:
        return Measurement(self.lab, self._bench, scale=self.scale, seed=seed, progress=self._progress)
