"""A lab as small as a lab can be: for tests of the protocol, where what is computed does not matter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sparklimits.measurement.lab import Bar, Exercise, Lab, Quality
from sparklimits.spark.constraints import Constraints

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def even(numbers: Any) -> Any:
    """How many of the numbers are even: here in four tasks, where one is enough."""
    return _counted(numbers.repartition(4), 0)


def odd(numbers: Any) -> Any:
    """How many of the numbers are odd."""
    return _counted(numbers.repartition(4), 1)


def _counted(numbers: Any, rest: int) -> Any:
    return numbers.where(f"id % 2 = {rest}").groupBy().count()


#: What an expert writes.
REFERENCE = {
    "even": lambda numbers: _counted(numbers.coalesce(1), 0),
    "odd": lambda numbers: _counted(numbers.coalesce(1), 1),
}


def make_data(scale: float, seed: int, variant: str) -> int:
    """How many numbers: an even count."""
    return 2 * (500 + seed % 100)


def write_data(numbers: int, folder: Path) -> Path:
    """Writes the count."""
    folder.mkdir(parents=True)
    (folder / "numbers").write_text(str(numbers))
    return folder


def load(spark: SparkSession, folder: Path) -> dict[str, Any]:
    """The numbers as a table."""
    return {"numbers": spark.range(int((folder / "numbers").read_text()))}


def check(found: pd.DataFrame, numbers: int) -> Quality:
    """Half of the numbers are even, half are odd."""
    if found["count"].tolist() == [numbers // 2]:
        return Quality({"counted": float(numbers // 2)})
    return Quality(broken=(f"the counts are off: {found['count'].tolist()}",))


LAB = Lab(
    id="lab2_skew",  # a name that exists; its folder is not looked at
    limitation="none",
    fix="fewer tasks",
    explains="tasks",
    constraints=Constraints(),
    exercises=tuple(
        Exercise(name, naive, ("numbers",), Bar("tasks", good=2, bad=5), check)
        for name, naive in (("even", even), ("odd", odd))
    ),
    gain=1.5,
    make_data=make_data,
    write_data=write_data,
    load=load,
)
