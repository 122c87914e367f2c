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

#: A student's, a reference's or a naive function: takes the lab's inputs by name, returns a Spark DataFrame.
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
    on a log scale).
    """

    name: str
    naive: Solution
    inputs: tuple[str, ...]
    counter: str
    good: float
    bad: float


@dataclass(frozen=True)
class Lab:
    """A row of the table of labs.

    ``gain`` is the speedup of the reference as published, from which the bars for full and for no marks
    follow (:mod:`sparklimits.scoring`). ``make_data(scale, seed, variant)`` gives one fresh data set; the
    variants are named in ``variants``, the first one being the one that is timed. ``load`` opens a written
    data set as Spark inputs by name; ``check`` compares collected results with an independent computation on
    the same data.
    """

    id: str
    limitation: str
    fix: str
    explains: str
    constraints: Constraints
    tasks: tuple[Task, ...]
    gain: float
    make_data: Callable[[float, int, str], pd.DataFrame]
    write_data: Callable[[pd.DataFrame, Path], Path]
    load: Callable[[SparkSession, Path], dict[str, Any]]
    check: Callable[[Mapping[str, pd.DataFrame], pd.DataFrame], Quality]
    variants: tuple[str, ...] = ("main",)
    from_movielens: Callable[[pd.DataFrame, int], pd.DataFrame] | None = field(default=None)

    @property
    def naive(self) -> dict[str, Solution]:
        """The naive functions by name."""
        return {task.name: task.naive for task in self.tasks}
