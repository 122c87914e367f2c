"""One lab's measurement: its naive way against a candidate's functions, on a given Spark session."""

from __future__ import annotations

import os
import random
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sparklimits import evidence, judgement, measure, scoring
from sparklimits.cluster import backend, pristine
from sparklimits.cluster import slots as cluster_slots
from sparklimits.errors import CandidateError, MachineError, SparkLimitsError, in_one_line
from sparklimits.evidence import Counters
from sparklimits.labs.base import Lab, Quality, Solution, Task
from sparklimits.measure import CANDIDATE
from sparklimits.paths import scratch
from sparklimits.result import Result
from sparklimits.runs import Run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Data sets of one measurement differ in size by up to this share, so that a result cannot be kept by size.
JITTER = 0.02
#: A measurement on a restless machine is made this often before it is left for a person.
ATTEMPTS = 2
_clock = time.perf_counter


def scale_from_environment() -> float:
    """``SPARKLIMITS_SCALE``, which multiplies the data; 1 when it is not set.

    Raises:
        SparkLimitsError: it is not a positive number.
    """
    text = os.environ.get("SPARKLIMITS_SCALE", "1")
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not scale > 0:
        raise SparkLimitsError(f"SPARKLIMITS_SCALE is {text!r}; write a positive number such as 0.5 or 10.")
    return scale


class Experiment:
    """Runs a lab's functions on fresh data.

    Args:
        lab: the lab.
        spark: the session, made for the lab's constraints.
        scale: multiplies the data.
        seed: where the fresh data start; drawn at random when not given.
        real: real ratings to draw from, instead of generated ones.
        progress: is told what runs now.
    """

    def __init__(
        self,
        lab: Lab,
        spark: SparkSession,
        *,
        scale: float = 1.0,
        seed: int | None = None,
        real: pd.DataFrame | None = None,
        progress: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.lab, self.spark, self.scale, self.real, self.progress = lab, spark, scale, real, progress
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

        The clock runs from the call of a function until its result is in this process; making the data,
        reading the counters and checking the result are outside.

        Raises:
            CandidateError: a function raised an error, or returned something that is no table.
            MachineError: the disk is full.
        """
        data = self.fresh(variant, share)
        folder = self._write(data)
        seconds: dict[str, float] = {}
        counters: dict[str, Counters] = {}
        results: dict[str, pd.DataFrame] = {}
        try:
            with pristine(self.spark):
                inputs = self.lab.load(self.spark, folder)
                for task in self.lab.tasks:
                    if task.name not in solutions:
                        continue
                    with evidence.collect(self.spark, task.name) as counters[task.name]:
                        began = _clock()
                        results[task.name] = _collected(task, solutions[task.name], inputs)
                        seconds[task.name] = _clock() - began
                    counters[task.name].other = dict(results[task.name].attrs.get("counters", {}))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        untimed = frozenset(task.name for task in self.lab.tasks if not task.timed)
        return Run(seconds, counters, results, self.lab.check(results, data), untimed)

    def measure(self, candidate: Mapping[str, Solution]) -> Result:
        """Measures the candidate against the naive way.

        A candidate whose function raises an error gets the verdict ``failed``, one with a wrong result
        ``wrong``, each as soon as it shows and with the reason.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                result = self._measure_once(candidate)
            except CandidateError as error:
                return self._unmeasured("failed", str(error))
            except _WrongResultError as error:
                return self._unmeasured("wrong", *error.quality.broken, quality=error.quality)
            if result.verdict != "inconclusive":
                break
            self.progress(f"the machine is restless; measurement {attempt} of {ATTEMPTS} was inconclusive")
        return result

    def _measure_once(self, candidate: Mapping[str, Solution]) -> Result:
        timed_only = {task.name for task in self.lab.tasks if task.timed}
        # What is not timed runs once in each way: that is enough for its counter.
        first_pair = range(len(measure.WARM_UPS), len(measure.WARM_UPS) + 2)

        def one(arm: str, number: int) -> tuple[float, Run]:
            share = self.lab.warm_up if number < len(measure.WARM_UPS) else 1.0
            solutions = candidate if arm == CANDIDATE else self.lab.naive
            if number not in first_pair:
                solutions = {name: solutions[name] for name in solutions.keys() & timed_only}
            run = self._right(solutions, share=share) if arm == CANDIDATE else self._naive(solutions, share)
            return run.total, run

        timed = measure.paired(
            one,
            lambda slow, fast: scoring.settled(slow, fast, self.lab.gain),
            rng=self._random,
            progress=self.progress,
        )
        elsewhere = []
        for variant in self.lab.variants[1:] if self.real is None else ():
            self.progress(f"checking other data: {variant}")
            elsewhere.append(self._right(candidate, variant, where="on other data: "))
        return judgement.of(
            self.lab, timed, elsewhere, scale=self.scale, slots=cluster_slots(self.spark), backend=backend()
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
        if not run.quality.ok:
            raise _WrongResultError(run.quality, where)
        return run

    def _naive(self, solutions: Mapping[str, Solution], share: float) -> Run:
        """One run of the naive way. It is ours: what goes wrong in it is no fault of the candidate."""
        try:
            run = self.run(solutions, share=share)
        except CandidateError as error:
            raise SparkLimitsError(f"The naive way did not run here: {error}.") from error
        if not run.quality.ok:
            raise SparkLimitsError(f"The naive way gave a wrong result: {run.quality.broken[0]}.")
        return run

    def _unmeasured(self, verdict: str, *reasons: str, quality: Quality | None = None) -> Result:
        return Result(
            lab=self.lab.id,
            backend=backend(),
            scale=self.scale,
            verdict=verdict,
            reasons=reasons,
            quality=dict(quality.values) if quality else {},
            full_marks_at=scoring.Bars.of(self.lab.gain).full,
        )

    def _write(self, data: Any) -> Path:
        folder = scratch() / "data" / f"{self._random.getrandbits(48):012x}"
        try:
            return self.lab.write_data(data, folder)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise _disk_trouble(error) from error


class _WrongResultError(Exception):
    def __init__(self, quality: Quality, where: str) -> None:
        self.quality = Quality(quality.values, tuple(where + reason for reason in quality.broken))


def _collected(task: Task, solution: Solution, inputs: Mapping[str, Any]) -> pd.DataFrame:
    name = task.name
    try:
        answer = task.call(solution, inputs)
        if isinstance(answer, pd.DataFrame):
            return answer
        if not hasattr(answer, "toPandas"):
            raise CandidateError(
                name, f"returned {type(answer).__name__}, not a DataFrame of Spark or pandas"
            )
        return answer.toPandas()
    except CandidateError:
        raise
    except Exception as error:
        if "No space left on device" in str(error):
            raise _disk_trouble(error) from error
        raise CandidateError(name, f"{type(error).__name__}: {in_one_line(error)}") from error


def _disk_trouble(error: BaseException) -> MachineError:
    return MachineError(
        f"The disk under {scratch().parent} is full ({type(error).__name__}). Free some space, or set "
        "SPARKLIMITS_TMP to a folder on another disk, and run again."
    )
