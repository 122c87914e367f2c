"""What a lab is: its limitation, the functions to write, the data, and what counts as a right result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sparklimits.cluster import Constraints

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: A student's, a reference's or a naive function. It takes the lab's inputs and returns a table (of Spark, or of
#: pandas where it has collected its result itself), or what the task's ``drive`` makes a table of.
Solution = Callable[..., Any]


@dataclass(frozen=True)
class Quality:
    """Whether a result is right: measured values, and the reason for each rule that is broken."""

    values: Mapping[str, float]
    broken: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True when no rule is broken."""
        return not self.broken


@dataclass(frozen=True)
class Task:
    """One function that the student writes, and its naive version.

    ``counter`` is the name of the work counter that shows the limitation; ``good`` and ``bad`` are its values
    where the limitation is removed and where it is in full force (marks fall from full to none between them,
    on a log scale); when the counter ``grows`` with the data, they hold for scale 1.
    ``needs`` is a counter that cannot be zero when the work was done on the cluster; empty for a function that has
    no work for a cluster.

    The seconds of a task that is not ``timed`` are no part of the lab's speedup; it runs once in a measurement and
    is judged by its counter.

    ``drive(solution, inputs)`` is what runs on the clock, for a solution that is a part of a larger job (one
    worker of a training, say); by default the solution is called with the inputs named in ``inputs``.
    The table that it returns may hold counts of work that Spark does not see, by name, in ``attrs["counters"]``.
    """

    name: str
    naive: Solution
    inputs: tuple[str, ...]
    counter: str
    good: float
    bad: float
    needs: str = "tasks"
    timed: bool = True
    grows: bool = False
    drive: Callable[[Solution, Mapping[str, Any]], Any] | None = None

    def call(self, solution: Solution, inputs: Mapping[str, Any]) -> Any:
        """Runs the solution on the lab's inputs; the result is a table, of Spark or of pandas."""
        if self.drive is not None:
            return self.drive(solution, inputs)
        return solution(*(inputs[name] for name in self.inputs))


@dataclass(frozen=True)
class Lab:
    """A row of the table of labs.

    ``gain`` is the speedup of the reference as published, from which the bars for full and for no marks
    follow (:mod:`sparklimits.scoring`). ``make_data(scale, seed, variant)`` gives one fresh data set (a table, or
    whatever ``write_data`` and ``check`` understand); the variants are named in ``variants``, the first one being
    the one that is timed. ``load`` opens a written data set as Spark inputs by name; ``check`` compares collected
    results with an independent computation on the same data.

    ``explains`` is the counter (a key of :meth:`sparklimits.evidence.Counters.summary`) that tells the lab's
    story in one line; ``shown`` are the counters that its pictures and tables show beside the seconds.
    ``warm_up`` is the size of the data of a warm-up run: code is compiled by use, not by rows, so that less than
    all of them is enough, unless the quality rule needs them all.
    """

    id: str
    limitation: str
    fix: str
    explains: str
    constraints: Constraints
    tasks: tuple[Task, ...]
    gain: float
    make_data: Callable[[float, int, str], Any]
    write_data: Callable[[Any, Path], Path]
    load: Callable[[SparkSession, Path], dict[str, Any]]
    check: Callable[[Mapping[str, pd.DataFrame], Any], Quality]
    variants: tuple[str, ...] = ("main",)
    shown: tuple[str, ...] = ("shuffle_bytes", "memory_spilled_bytes")
    warm_up: float = 0.4
    from_movielens: Callable[[pd.DataFrame, int], pd.DataFrame] | None = field(default=None)

    @property
    def naive(self) -> dict[str, Solution]:
        """The naive functions by name."""
        return {task.name: task.naive for task in self.tasks}
