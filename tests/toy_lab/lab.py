"""Lab 9, a toy: a count that is taken in four tasks where one is enough.

The smallest lab that there can be, for the test that adds one and for the page that tells how. Its data are numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sparklimits.measurement.lab import Bar, Exercise, Lab, Quality
from sparklimits.spark.constraints import Constraints

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def count_even(numbers: DataFrame) -> DataFrame:
    """How many of the numbers are even: one row, column ``count``."""
    return numbers.repartition(16).where("id % 2 = 0").groupBy().count()


def make_data(scale: float, seed: int, variant: str) -> int:
    """How many numbers."""
    return 2 * round(scale * (50_000 + seed % 1_000))


def write_data(numbers: int, folder: Path) -> Path:
    """Writes how many numbers there are."""
    folder.mkdir(parents=True)
    (folder / "numbers").write_text(str(numbers))
    return folder


def load(spark: SparkSession, folder: Path) -> dict[str, Any]:
    """The numbers."""
    return {"numbers": spark.range(int((folder / "numbers").read_text()))}


def check(found: pd.DataFrame, numbers: int) -> Quality:
    """Half of the numbers are even."""
    if "count" in found.columns and found["count"].tolist() == [numbers // 2]:
        return Quality({"even": float(numbers // 2)})
    return Quality(broken=("count_even: the count is wrong",))


HINTS = {
    "count_even": (
        "How long does a task take to start, and how long to count a few thousand numbers?",
        "Look for `repartition` in the naive way. `coalesce` merges partitions.",
        "The largest of the numbers:\n\n```python\nnumbers.coalesce(2).groupBy().max()\n```",
    )
}
LAB = Lab(
    id="lab9_toy",
    limitation="too many tasks",
    fix="as few as needed",
    explains="tasks",
    gain=2.0,
    exercises=(Exercise("count_even", count_even, ("numbers",), Bar("tasks", good=4, bad=12), check),),
    constraints=Constraints(executors=1, cores=2),
    make_data=make_data,
    write_data=write_data,
    load=load,
    shown=("tasks",),
)
