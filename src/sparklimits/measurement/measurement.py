"""The protocol of a measurement: a lab's naive way against a candidate's functions, wherever they run."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from sparklimits.errors import CandidateError, MachineError, SparkLimitsError
from sparklimits.machine.load import Others
from sparklimits.measurement import bars, pairs, verdict
from sparklimits.measurement.bench import Bench
from sparklimits.measurement.calls import checked, story, whatever_the_rows
from sparklimits.measurement.lab import Lab, Quality, Solution
from sparklimits.measurement.pairs import PairedRun
from sparklimits.measurement.plan import BASELINE, CANDIDATE, Place, Plan, wanted
from sparklimits.measurement.result import Result
from sparklimits.measurement.run import Run
from sparklimits.measurement.verdict import Broken
from sparklimits.spark import interrupts

#: Data sets of one measurement differ in size by up to this share, so that a result cannot be kept by size.
JITTER = 0.02
#: The scale of the few rows on which a function is tried: the smallest for which every lab can make data.
_FEW = 0.05


class Measurement:
    """Runs a lab's functions on fresh data.

    Args:
        lab: the lab.
        bench: where the functions run.
        scale: multiplies the data.
        seed: where the fresh data start; drawn at random when not given.
        real: real ratings to draw from, instead of generated ones.
        plan: the warm-ups, pairs and attempts of a measurement; by default what the lab's marks need at this scale.
        progress: is told what runs now.
    """

    def __init__(
        self,
        lab: Lab,
        bench: Bench,
        *,
        scale: float = 1.0,
        seed: int | None = None,
        real: pd.DataFrame | None = None,
        plan: Plan | None = None,
        progress: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.lab, self.bench, self.scale, self.real = lab, bench, scale, real
        self.plan = plan or wanted(lab.speed_earns, scale)
        self.progress = progress
        self._random = random.Random(secrets.randbits(64) if seed is None else seed)

    def fresh(self, variant: str | None = None, share: float = 1.0) -> Any:
        """A data set that no run has had before, of this share of the full size."""
        seed = self._random.getrandbits(32)
        if self.real is not None:
            assert self.lab.from_movielens is not None
            return self.lab.from_movielens(self.real, seed)
        scale = share * self.scale * (1 + self._random.uniform(-JITTER, JITTER))
        try:
            return self.lab.make_data(scale, seed, variant or self.lab.variants[0])
        except ValueError as error:
            raise SparkLimitsError(
                f"SPARKLIMITS_SCALE={self.scale:g} leaves too little data to measure ({error}); 0.05 is enough."
            ) from error

    def run(self, solutions: Mapping[str, Solution], variant: str | None = None, share: float = 1.0) -> Run:
        """Runs the functions once, one after the other, each result collected and checked.

        The clock runs from the call of a function until its result is here; making the data, reading the counters and
        checking the result are outside.

        Raises:
            CandidateError: a function raised an error, or returned something that is no table.
            MachineError: the machine failed; ``during`` names the function that ran, if one did.
        """
        data = self.fresh(variant, share)
        exercises = [one for one in self.lab.exercises if one.name in solutions]
        parts = self.bench.run(exercises, solutions, data, f"{self._random.getrandbits(48):012x}")
        results = {name: part.output.table for name, part in parts.items()}
        return Run(
            seconds={name: part.seconds for name, part in parts.items()},
            counters={name: part.counters for name, part in parts.items()},
            results=results,
            checked={one.name: checked(one, results[one.name], data) for one in exercises},
            untimed=frozenset(one.name for one in exercises if not one.timed),
        )

    def measure(self, candidate: Mapping[str, Solution], absent: Mapping[str, str] | None = None) -> Result:
        """Measures the candidate's functions against the naive way.

        Each function stands or falls alone: one that raises an error (``failed``) or gives a wrong result (``wrong``)
        earns nothing, and the naive way takes its place while the others are measured. What the machine did is told
        from what a function did. After a fault of the machine the measurement begins once more; after a second one it
        is ``inconclusive``, with the reason.

        Args:
            candidate: the functions by name.
            absent: the functions that are not there, by name, with the reason.
        """
        interrupts.begin()
        broken = {name: Broken("failed", (reason,)) for name, reason in (absent or {}).items()}
        broken |= self._tried_out({name: one for name, one in candidate.items() if name not in broken})
        attempts = faults_so_far = discarded = 0
        while broken.keys() != set(self.lab.names):
            others = Others()
            try:
                result = self._measure_once(candidate, broken)
            except CandidateError as error:
                broken[error.function] = Broken("failed", (str(error),), story=story(error))
                self.progress(f"{error.function} failed; measuring again without it")
                continue
            except _WrongResultError as error:
                broken[error.function] = Broken("wrong", error.quality.broken, error.quality.values)
                self.progress(f"{error.function} is wrong; measuring again without it")
                continue
            except MachineError as fault:
                faults_so_far += 1
                if faults_so_far == 1:
                    self.progress(f"the machine failed: {fault} Once more")
                    self.recover()
                    continue
                if not (name := self._only_this_one(fault)):
                    return verdict.undecided(
                        self.lab, str(fault), scale=self.scale, backend=self.bench.backend
                    )
                broken[name] = Broken(
                    "inconclusive", (f"{name}: {fault} The naive way ran here: a person decides.",)
                )
                faults_so_far = 0
                continue
            attempts += 1
            result = replace(result, discarded_pairs=discarded)
            if result.verdict == "inconclusive" and (told := others.told()):
                result = replace(result, reasons=(*result.reasons, told))
            if result.verdict != "inconclusive" or attempts == self.plan.attempts:
                return result
            discarded += result.pairs
            self.progress(
                f"the machine is noisy: the {result.pairs} pairs of attempt {attempts} of {self.plan.attempts} "
                "were inconclusive; measuring again from the first pair"
            )
        return verdict.nothing_right(self.lab, broken, scale=self.scale, backend=self.bench.backend)

    def _tried_out(self, candidate: Mapping[str, Solution]) -> dict[str, Broken]:
        """What cannot run, found on a few rows: in seconds, and not when the other functions have run first.

        Few rows can be too few for a function that is right. So an error that may come of that counts only when it
        comes on all rows too.
        """
        broken: dict[str, Broken] = {}
        share = _FEW / self.scale
        if share > 0.5 or self.real is not None:
            return broken
        for one in self.lab.exercises:
            if one.name in candidate and one.tried:
                self.progress(f"trying {one.name} on a few rows")
                solution = {one.name: candidate[one.name]}
                try:
                    if (error := self._raised(solution, share)) and not whatever_the_rows(error):
                        self.progress(f"trying {one.name} on all rows")
                        error = self._raised(solution, 1.0)
                    if error is not None:
                        broken[one.name] = Broken("failed", (str(error),), story=story(error))
                except SparkLimitsError:  # the measurement will meet it too, and tell whose fault it is
                    self.recover()
        return broken

    def _raised(self, solution: Mapping[str, Solution], share: float) -> CandidateError | None:
        """The error of one run on this share of the data, if the function has one."""
        try:
            self.run(solution, share=share)
        except CandidateError as error:
            return error
        return None

    def _measure_once(self, candidate: Mapping[str, Solution], broken: Mapping[str, Broken]) -> Result:
        alive = {name: candidate[name] for name in self.lab.names if name not in broken}
        clock = {one.name for one in self.lab.exercises if one.timed}
        elsewhere = []
        # On other data first: that finds what cannot run before anything slow has run, and warms the candidate up.
        for variant in (None,) if self.real is not None else self.lab.variants[1:] or (None,):
            self.progress(
                f"checking on {'the real data' if self.real is not None else f'other data: {variant}'}"
            )
            elsewhere.append(self._right(alive, variant, where="on other data: " if variant else ""))

        def one(place: Place) -> tuple[float, Run]:
            # What is not timed runs once in each way: that is enough for its counter.
            wanted = clock | (alive.keys() if place.pair == 0 else set())
            ways = self.lab.naive if place.arm == BASELINE else {**self.lab.naive, **alive}
            share = self.lab.warm_up if place.warms_up else 1.0
            solutions = {name: ways[name] for name in wanted}
            run = (
                self._naive(solutions, share)
                if place.arm == BASELINE
                else self._right(solutions, share=share)
            )
            return run.total, run

        if clock & alive.keys():
            timed = pairs.paired(
                one,
                lambda slow, fast: bars.settled(slow, fast, self.lab.gain),
                rng=self._random,
                plan=self.plan,
                progress=self.progress,
            )
        else:  # nothing is left that the clock could judge
            clock = set()
            places = [Place(BASELINE, 0), Place(CANDIDATE, 0)]
            timed = [PairedRun(place, *one(place)) for place in places]
        return verdict.of(
            self.lab, timed, elsewhere, broken, scale=self.scale, backend=self.bench.backend, plan=self.plan
        )

    def _right(
        self,
        solutions: Mapping[str, Solution],
        variant: str | None = None,
        share: float = 1.0,
        where: str = "",
    ) -> Run:
        """One run of the candidate, whose results must be right."""
        run = self.run(solutions, variant, share)
        for name, quality in run.checked.items():
            if not quality.ok:
                raise _WrongResultError(name, quality, where)
        return run

    def _naive(self, solutions: Mapping[str, Solution], share: float) -> Run:
        """One run of the naive way. It is ours: what goes wrong in it is no fault of the candidate."""
        try:
            run = self.run(solutions, share=share)
        except CandidateError as error:
            raise MachineError(f"The naive way did not run here: {error}.") from error
        except MachineError as fault:
            fault.during = ""
            raise
        if not run.quality.ok:
            raise MachineError(f"The naive way gave a wrong result: {run.quality.broken[0]}.")
        return run

    def _only_this_one(self, fault: MachineError) -> str:
        """The function that met the fault, if its naive way does not: then it is not the machine alone."""
        self.recover()
        if not fault.during:
            return ""
        self.progress(f"does the naive {fault.during} run here?")
        try:
            self._naive({fault.during: self.lab.naive[fault.during]}, self.lab.warm_up)
        except MachineError:
            return ""
        return fault.during

    def recover(self) -> None:
        """Replaces what has died of the place where functions run."""
        self.bench.recover()


def also_on(
    result: Result,
    lab: Lab,
    functions: Mapping[str, Solution],
    variant: str,
    measurement: Callable[[], Measurement],
) -> Result:
    """The same result, less what the functions earned that are not right on one more data set.

    ``measurement`` begins one on that data set. A fault of the machine costs nothing: after a second one the result is
    ``inconclusive``.
    """
    for name, function in functions.items():
        if not result.share(name):
            continue  # there is nothing to lose
        fault = None
        for _ in range(2):
            once = measurement()
            try:
                broken = once.run({name: function}, variant).quality.broken
                kind, told = "wrong", ""
            except CandidateError as error:
                broken, kind, told = (str(error),), "failed", story(error)
            except MachineError as error:
                fault = error
                once.recover()
                continue
            if broken:
                result = verdict.also(result, lab, name, Broken(kind, tuple(broken), story=told))
            break
        else:
            result = verdict.doubtful(result, f"{name}: {fault}")
    return result


class _WrongResultError(Exception):
    def __init__(self, function: str, quality: Quality, where: str) -> None:
        self.function = function
        self.quality = Quality(quality.values, tuple(where + reason for reason in quality.broken))
