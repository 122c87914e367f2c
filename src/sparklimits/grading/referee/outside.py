"""A bench whose functions run in processes of their own: the student's in one, the naive way in the other.

While one of them runs, the other is held still.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sparklimits.errors import CandidateError, MachineError
from sparklimits.grading.referee.arm import Arm
from sparklimits.grading.referee.launcher import Launch
from sparklimits.measurement.calls import collected
from sparklimits.measurement.lab import Exercise, Lab, Outcome, Solution
from sparklimits.spark.counters import Counters
from sparklimits.spark.timed import Timed

#: Loading is lazy and takes both arms as long, and so does reading the counters of a result. What an arm takes for them
#: beyond twice the partner's last seconds, and this many more, counts as its function's: the data are there.
SLACK = 0.5


class Handed:
    """A student's function, in its process. To call it is to ask there: with plain values, for a plain value."""

    def __init__(self, bench: Outside, name: str) -> None:
        self._bench, self.name = bench, name
        self._ended = ""

    def __call__(self, *values: Any) -> Any:
        """What the function answers.

        Raises:
            CandidateError: it raised an error, or answered no plain value; or it has ended its process before.
        """
        if self._ended:
            raise CandidateError(self.name, self._ended)
        try:
            return self._bench.ask(self.name, *values)
        except CandidateError as error:
            if not self._bench.candidate.runs:
                self._ended = str(error).removeprefix(f"{self.name}: ")
            raise


class Outside:
    """See :class:`sparklimits.measurement.bench.Bench`.

    Args:
        lab: the lab.
        cells: what the student wrote, by the lab's functions.
        launch: starts a process.
    """

    backend = "embedded"

    def __init__(self, lab: Lab, cells: Mapping[str, str], launch: Launch) -> None:
        self.lab = lab
        self.partner, self.candidate = Arm(lab, launch), Arm(lab, launch, cells)
        self.functions = {name: Handed(self, name) for name in cells}
        #: Seconds that the partner took last, for loading and for the counters of each function.
        self._usual: dict[str, float] = {}
        #: Counters of the naive functions that ran last, by name, and their data.
        self.seen: tuple[dict[str, Counters], Any] = ({}, None)

    def run(
        self, exercises: Sequence[Exercise], solutions: Mapping[str, Solution], data: Any, name: str
    ) -> dict[str, Timed[Outcome]]:
        """Runs the naive functions in the partner's process, and the student's in the candidate's."""
        found = {}
        for one in exercises:
            if one.asks:
                inputs = {field: getattr(data, field) for field in one.inputs}
                outcome = collected(one, solutions[one.name], inputs)
                found[one.name] = Timed(outcome, 0.0, Counters(other=outcome.counts))
        rest = [one for one in exercises if not one.asks]
        naive = [one for one in rest if solutions[one.name] is one.naive]
        if naive:
            try:
                parts, beside = self._in(self.partner, naive, data, name)
            except CandidateError as error:
                raise MachineError(f"The naive way did not run here: {error}.") from error
            self._usual |= beside
            self.seen = ({name: part.counters for name, part in parts.items()}, data)
            found |= parts
        if own := [one for one in rest if one not in naive]:
            parts, beside = self._in(self.candidate, own, data, name)
            for what, seconds in beside.items():
                usual = self._usual.get(what, math.inf)
                if seconds > 2 * usual + SLACK:
                    function = what or own[0].name
                    part = parts[function]
                    parts[function] = replace(part, seconds=part.seconds + seconds - usual)
            found |= parts
        return found

    def recover(self) -> None:
        """Nothing: an arm that has ended starts again when it is wanted."""

    def ask(self, function: str, *values: Any) -> Any:
        """See :meth:`sparklimits.grading.referee.arm.Arm.ask`."""
        with self._alone(self.candidate):
            return self.candidate.ask(function, *values)

    def absent(self) -> dict[str, str]:
        """The student's functions that cannot be had, and why. Both processes start for it, at the same time.

        Raises:
            MachineError: the student's does not start.
        """
        wanted = any(not one.asks for one in self.lab.exercises)
        # What goes wrong with the partner is met again where a measurement is begun once more.
        with contextlib.suppress(MachineError):
            if wanted:
                self.partner.ahead()
        self.candidate.begin()
        with contextlib.suppress(MachineError):
            if wanted:
                self.partner.begin()
        return dict(self.candidate.absent)

    def end(self) -> None:
        """Ends both."""
        self.partner.end()
        self.candidate.end()

    def _in(
        self, arm: Arm, exercises: Sequence[Exercise], data: Any, name: str
    ) -> tuple[dict[str, Timed[Outcome]], dict[str, float]]:
        """Loads the data in this arm and runs these there: each part, and the seconds beside the clock.

        These are for the counters of each function, by its name, and for loading, under no name.
        """
        with self._alone(arm):
            try:
                beside = {"": arm.load(data, name, exercises[0].name)}
                parts = {}
                for one in exercises:
                    parts[one.name] = arm.run(one)
                    beside[one.name] = arm.counting
                arm.clear()
            except MachineError:
                arm.end()  # its session may have died: the next run has a new one
                raise
        return parts, beside

    @contextlib.contextmanager
    def _alone(self, arm: Arm) -> Iterator[None]:
        """Within the body this arm runs, and the other one is held still."""
        other = self.partner if arm is self.candidate else self.candidate
        other.freeze()
        arm.thaw()
        arm.begin()
        yield
