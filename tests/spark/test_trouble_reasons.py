"""What Spark itself says, made to happen: each error has its sentence and its line, and the screen stays clean."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sparklimits.errors import CandidateError
from sparklimits.machine import reasons
from sparklimits.measurement.calls import collected
from sparklimits.measurement.experiment import Experiment
from sparklimits.measurement.plan import Plan
from sparklimits.spark import session
from tests.tiny_lab import LAB, REFERENCE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: A student's cell: functions of the table `numbers`, and the session `spark`.
CELL = """
from pyspark.sql import functions as F
def unknown(numbers): return numbers.select("nmb")
def dropped(numbers): return numbers.select("id").groupBy("id").count().select("value")
def twice(numbers): return numbers.join(numbers, "id").join(numbers.alias("n"), F.col("id") == F.col("id")).select("id")
def attribute(numbers): return numbers.nmb
def both(numbers): return numbers.where((F.col("id") > 1) and (F.col("id") < 3))
def cast(numbers): return numbers.select(F.lit("a").cast("int"))
def ungrouped(numbers): return numbers.selectExpr("id", "id % 2 AS r").groupBy("r").agg({"id": "sum"}).select("id")
def table(numbers): return numbers.sparkSession.sql("SELECT * FROM nowhere")
def syntax(numbers): return numbers.sparkSession.sql("SELCT 1")
def file(numbers): return numbers.sparkSession.read.parquet("/nowhere")
def fit(numbers):
    from pyspark.ml.feature import VectorAssembler
    return VectorAssembler(inputCols=["nmb"], outputCol="f").transform(numbers)
def on_executor(numbers):
    return numbers.mapInPandas(
        lambda parts: (part.assign(id=part["nmb"]) for part in parts), numbers.schema)
def row(numbers): return numbers.rdd.map(lambda row: [row["id"]][1]).toDF(["x"])
def inside(numbers):
    return numbers.rdd.map(lambda row: numbers.count()).collect()
"""
FILE = "/tmp/ipykernel_1/cell.py"


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    linecache.cache[FILE] = (len(CELL), None, CELL.splitlines(True), FILE)
    monkeypatch.setattr(reasons, "_cells", lambda: {FILE: 5})
    defined: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(CELL, FILE, "exec"), defined)
    return defined


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("unknown", "There is no column `nmb` here. There are `id`"),
        ("dropped", "There is no column `value` here. There are `"),
        ("attribute", "neither a column nor a method `nmb`"),
        ("both", "Write `&`, `|` and `~`"),
        ("cast", "The types do not fit: The value 'a'"),
        ("ungrouped", "There is no column `id` here. There are `"),
        ("table", "There is no table `nowhere` for SQL"),
        ("syntax", "Spark's SQL cannot be read at `SELCT`"),
        ("file", "There is no file file:/nowhere"),
        ("fit", "There is no column `nmb` here"),
        ("on_executor", "Your Python function failed on an executor: KeyError: 'nmb'"),
        ("row", "Your Python function failed on an executor: IndexError: list index out of range"),
        ("inside", "uses `spark`, or a table of Spark"),
    ],
)
def test_each_error_of_spark_has_its_sentence_and_its_line(
    spark: SparkSession, cell: dict[str, Any], capfd: pytest.CaptureFixture[str], name: str, says: str
) -> None:
    exercise = replace(LAB.exercises[0], name=name)
    capfd.readouterr()  # what the fixtures have said
    with pytest.raises(CandidateError) as raised:
        collected(exercise, cell[name], {"numbers": spark.range(5)})
    told = str(raised.value)
    assert says in told
    line = told.rsplit("(Cell [5], line ", 1)[1]
    assert f"def {name}(" in "\n".join(CELL.splitlines()[: int(line.split(":")[0])][-3:])
    assert "\n" not in told
    assert capfd.readouterr() == ("", "")


def test_what_cannot_run_is_found_before_anything_else_runs() -> None:
    said: list[str] = []
    experiment = Experiment(
        LAB, session.get(LAB.constraints), progress=said.append, plan=Plan((), least=1, most=1, attempts=1)
    )
    result = experiment.measure({"even": lambda numbers: None, "odd": lambda numbers: numbers.select("nmb")})
    assert result.verdict == "failed"
    assert [reason.split(".")[0] for reason in result.reasons] == [
        "even: The function returned None, which is no table",
        "odd: There is no column `nmb` here",
    ]
    assert said == ["trying even on a few rows", "trying odd on a few rows"]


def test_a_function_that_needs_more_than_a_few_rows_loses_nothing() -> None:
    wanted: list[int] = []

    def needs(many: int) -> Callable[[Any], Any]:
        def odd(numbers: Any) -> Any:
            wanted.append(numbers.count())
            assert wanted[-1] >= many
            return REFERENCE["odd"](numbers)

        return odd

    lab = replace(LAB, make_data=lambda scale, seed, variant: 2 * int(500 * scale + seed % 100 + 5))
    experiment = Experiment(lab, session.get(LAB.constraints), plan=Plan((), least=2, most=2, attempts=1))
    result = experiment.measure({**REFERENCE, "odd": needs(600)})
    assert result.share("odd") > 0  # counting takes tasks of its own
    assert wanted[0] < 600 <= wanted[1]
