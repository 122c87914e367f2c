"""What a lab is: its limitation, the functions to write, the data, the bars, and what counts as a right result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sparklimits.spark.constraints import Constraints
from sparklimits.spark.counters import Counters

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: A student's, a reference's or a naive function. It takes the lab's inputs and returns a table (of Spark, or of
#: pandas where it has collected its result itself), or what the exercise's ``drive`` makes a table of.
Solution = Callable[..., Any]


@dataclass(frozen=True)
class Quality:
    """Whether a result is right: measured values, and the reason for each rule that is broken."""

    values: Mapping[str, float] = field(default_factory=dict)
    broken: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True when no rule is broken."""
        return not self.broken


def steady(scale: float) -> float:
    """The growth of what does not follow the data."""
    return 1.0


def with_the_data(scale: float) -> float:
    """The growth of what follows the data."""
    return scale


@dataclass(frozen=True)
class Bar:
    """Where the marks for a work counter begin and end.

    All of them up to ``good``, none from ``bad`` on, and between the two they fall with the counter's logarithm. Both
    hold for scale 1; ``grows(scale)`` is the factor for other sizes of the data.
    """

    counter: str
    good: float
    bad: float
    grows: Callable[[float], float] = steady

    def at(self, scale: float) -> tuple[float, float]:
        """``good`` and ``bad`` for data of this scale."""
        return self.good * self.grows(scale), self.bad * self.grows(scale)


@dataclass(frozen=True)
class Outcome:
    """What an exercise's ``drive`` made of a solution: a table, of Spark or of pandas.

    ``counts`` are counts of work that Spark does not see, by names that Spark does not use. They are read when the
    clock has stopped: a mapping that counts only then takes none of the function's time. ``notes`` are for the
    exercise's own check and pictures. Both come from the drive alone: what a solution writes on its table is dropped.
    """

    table: Any
    counts: Mapping[str, float] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Exercise:
    """One function that the student writes, and its naive version.

    ``bar`` is about the work counter that shows the limitation. ``needs`` is a counter that cannot be zero when the
    work was done on the cluster; empty for a function that has no work for a cluster. ``further`` are bars for more
    counters of the function's work, or values that its check measured, by the name of their part of the marks.

    The seconds of an exercise that is not ``timed`` are no part of the lab's speedup; it runs once in a measurement
    and is judged by its counter.

    ``collects`` bounds the bytes that tasks may send to the driver at scale 1: the result's, and room, as a task says
    some 6 kB of itself. Who brings the data there, and works on them in the driver, needs more. None: not bounded.

    The work of an exercise ``on_cluster`` is the executors': the number is the least share of the naive way's processor
    seconds there that a right answer needs, 0 where that is not asked. Where the kernel counted the seconds, those of
    the driver's Python must be small beside the executors', and these must not be fewer than that.

    ``check(result, data)`` compares a collected result with an independent computation on the same data.

    ``drive(solution, inputs)`` is what runs on the clock, for a solution that is a part of a larger job (one
    worker of a training, say); by default the solution is called with the inputs named in ``inputs``.

    An exercise that ``asks`` has a drive that needs no session: it calls the solution with plain values (numbers, text,
    lists, dictionaries) and reads plain values from its answers. Its ``inputs`` are fields of the data set. So it can
    ask from another process, in which nothing of the solution is.

    ``tried`` says whether the function is tried on a few rows before a measurement. That is of no use where fewer rows
    make no shorter job.
    """

    name: str
    naive: Solution
    inputs: tuple[str, ...]
    bar: Bar
    check: Callable[[pd.DataFrame, Any], Quality]
    needs: str = "tasks"
    timed: bool = True
    further: Mapping[str, Bar] = field(default_factory=dict)
    drive: Callable[[Solution, Mapping[str, Any]], Outcome] | None = None
    asks: bool = False
    tried: bool = True
    collects: float | None = None
    on_cluster: float = 0.0

    @property
    def bars(self) -> dict[str, Bar]:
        """All bars of the function's counters, by the name of their part of the marks; its own has its name."""
        return {self.name: self.bar, **self.further}

    def call(self, solution: Solution, inputs: Mapping[str, Any]) -> Outcome:
        """Runs the solution on the lab's inputs."""
        if self.drive is not None:
            return self.drive(solution, inputs)
        return Outcome(solution(*(inputs[name] for name in self.inputs)))


@dataclass(frozen=True)
class Facts:
    """What a notebook's questions are about: naive jobs that it looks at.

    ``names`` gives, from the counters of these jobs and their data set, what stands in the notebook under its names.
    """

    exercises: tuple[Exercise, ...]
    names: Callable[[Mapping[str, Counters], Any], Mapping[str, Any]]


@dataclass(frozen=True)
class Lab:
    """A row of the table of labs.

    ``gain`` is the speedup of the reference as published, from which the bars for full and for no marks
    follow (:mod:`sparklimits.measurement.bars`); where ``speed_earns`` is false it is measured and shown, and earns
    nothing. ``make_data(scale, seed, variant)`` gives one fresh data set (a
    table, or whatever ``write_data`` and the checks understand); the variants are named in ``variants``, the first one
    being the one that is timed. ``load`` opens a written data set as Spark inputs by name.

    ``explains`` is the counter (a key of :meth:`sparklimits.spark.counters.Counters.summary`) that tells the lab's
    story in one line; ``shown`` are the counters that its pictures and tables show beside the seconds.
    ``facts`` are what graded questions of its notebook are about.
    ``warm_up`` is the size of the data of a warm-up run: code is compiled by use, not by rows, so that less than
    all of them is enough, unless the quality rule needs them all.
    """

    id: str
    limitation: str
    fix: str
    explains: str
    constraints: Constraints
    exercises: tuple[Exercise, ...]
    gain: float
    make_data: Callable[[float, int, str], Any]
    write_data: Callable[[Any, Path], Path]
    load: Callable[[SparkSession, Path], dict[str, Any]]
    variants: tuple[str, ...] = ("main",)
    shown: tuple[str, ...] = ("shuffle_bytes", "memory_spilled_bytes")
    warm_up: float = 0.4
    speed_earns: bool = True
    from_movielens: Callable[[pd.DataFrame, int], pd.DataFrame] | None = None
    facts: Facts | None = None

    @property
    def naive(self) -> dict[str, Solution]:
        """The naive functions by name."""
        return {exercise.name: exercise.naive for exercise in self.exercises}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the functions to write."""
        return tuple(exercise.name for exercise in self.exercises)

    @property
    def bars(self) -> dict[str, Bar]:
        """The bars of all counters, by the name of their part of the marks."""
        return {part: bar for one in self.exercises for part, bar in one.bars.items()}
