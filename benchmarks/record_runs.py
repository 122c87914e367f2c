"""Runs jobs of the labs, slow and fixed, and keeps Spark's counters of each with the cause that it is known for.

    .venv/bin/python benchmarks/record_runs.py [LAB …]

Writes ``src/sparklimits/resources/recorded_runs.json``, from which Lab 0 asks for the causes, and
``benchmarks/results/recorded_runs_hidden.json``, and puts the latter into the hidden test of Lab 0's notebook; the
student's copy is to be generated anew after that. The cause of a naive way is the limit that its lab reproduces; the
reference of each lab has none left.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import LinearRegression
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from sparklimits.display.progress import Progress
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs import find
from sparklimits.measurement.experiment import Experiment
from sparklimits.measurement.lab import Bar, Exercise, Lab, Quality, Solution
from sparklimits.spark import session

ROOT = Path(__file__).resolve().parents[1]
SHOWN = ROOT / "src" / "sparklimits" / "resources" / "recorded_runs.json"
HIDDEN = ROOT / "benchmarks" / "results" / "recorded_runs_hidden.json"

#: The cause that holds up each naive way.
CAUSES = {
    "lab0_measuring": {"fit_in_parallel": "idle slots"},
    "lab1_memory": {"compare_models": "recomputation", "training_examples": "spill"},
    "lab2_skew": {"item_trends": "skew", "item_pairs": "skew"},
    "lab3_network": {"cohort_tastes": "network", "cohort_scores": "network"},
}
#: Seconds are left out: they are those of one machine.
KEPT = (
    "jobs", "tasks", "input_records", "shuffle_records", "shuffle_bytes", "remote_bytes", "memory_spilled_bytes",
    "disk_spilled_bytes", "heaviest_task_records", "median_task_records", "slot_ratio",
)  # fmt: skip


def mean_minutes(visits: DataFrame) -> DataFrame:
    """The mean length of the visits with so many pages."""
    return visits.groupBy("pages").agg(F.avg("minutes"))


def plain_fit(visits: DataFrame) -> DataFrame:
    """The weights of a linear model of three counts."""
    counts = VectorAssembler(inputCols=["pages", "clicks", "searches"], outputCol="features")
    model = LinearRegression(labelCol="minutes").fit(counts.transform(visits))
    return visits.sparkSession.createDataFrame([(float(one),) for one in model.coefficients])


def mean_ratings(ratings: DataFrame) -> DataFrame:
    """The mean rating of each item."""
    return ratings.groupBy("item_id").agg(F.avg("rating"))


def ratings_by_place(ratings: DataFrame) -> DataFrame:
    """The mean of each item's first rating, its second, and so on, by a window over the item."""
    place = F.row_number().over(Window.partitionBy("item_id").orderBy("ts"))
    return ratings.select("rating", place.alias("place")).groupBy("place").agg(F.avg("rating"))


#: For each part: which data, at which scale.
PARTS = {"main": ("main", 1.0), "other": ("other", 1.2), "hidden": ("main", 1.4)}
#: The other data of lab 1 are too light to spill.
ONLY_MAIN = ("lab1_memory",)
#: Jobs that are no function to write: lab, job, input, cause.
FURTHER: dict[str, list[tuple[str, Solution, str, str]]] = {
    "main": [("lab0_measuring", mean_minutes, "visits", "idle slots")],
    "other": [("lab0_measuring", mean_minutes, "visits", "idle slots")],
    "hidden": [
        ("lab0_measuring", plain_fit, "visits", "idle slots"),
        ("lab2_skew", mean_ratings, "ratings", "none"),
        ("lab2_skew", ratings_by_place, "ratings", "skew"),
    ],
}


def rows_of(inputs: dict[str, Any]) -> int:
    """Rows of all tables of Spark among the inputs."""
    return sum(table.count() for table in inputs.values() if isinstance(table, DataFrame))


def run_of(lab: Lab, one: Exercise, solution: Solution, scale: float, variant: str) -> dict[str, float]:
    """The counters of one run of one function, and the rows of the tables that it was given."""
    seen = []

    def load(spark: SparkSession, folder: Path) -> dict[str, Any]:
        inputs = lab.load(spark, folder)
        seen.append(rows_of({name: inputs[name] for name in one.inputs}))
        return inputs

    alone = replace(lab, exercises=(replace(one, check=lambda result, data: Quality()),), load=load)
    run = Experiment(alone, session.get(lab.constraints), scale=scale, seed=11).run(
        {one.name: solution}, variant
    )
    counted = run.counters[one.name].summary()
    return {"rows": seen[0], **{name: counted[name] for name in KEPT}}


def plan(part: str, lab: Lab) -> list[tuple[str, str, Exercise, Solution]]:
    """What is run of a lab for a part: the job's name for a reader, its cause, the exercise, the function."""
    fixed = load_functions(reference_path(lab), lab)
    found = []
    for one in lab.exercises:
        if cause := CAUSES[lab.id].get(one.name):
            found.append((f"{one.name}, naive", cause, one, one.naive))
            found.append((f"{one.name}, fixed", "none", one, fixed[one.name]))
    for name, job, table, cause in FURTHER[part]:
        if name == lab.id:
            further = Exercise(
                job.__name__, job, (table,), Bar("tasks", good=1, bad=2), lambda result, data: Quality()
            )
            found.append((job.__name__, cause, further, job))
    return found


def main() -> None:
    """Runs the jobs of the labs that are named, or of all; writes both files after each lab."""
    with Progress("recording") as progress:
        parts = {**kept(SHOWN), **kept(HIDDEN)}
        for name in sys.argv[1:] or CAUSES:
            lab = find(name)
            for part, (variant, scale) in PARTS.items():
                runs = []
                for job, cause, one, solution in plan(part, lab):
                    progress(f"{name}, {part}: {job}")
                    counters = run_of(lab, one, solution, scale, "main" if name in ONLY_MAIN else variant)
                    runs.append({"lab": name, "job": job, "cause": cause, "counters": counters})
                others = [run for run in parts.get(part, []) if run["lab"] != name]
                parts[part] = sorted(others + runs, key=lambda run: run["lab"])
            session.stop()
            write(SHOWN, {part: parts[part] for part in ("main", "other")})
            write(HIDDEN, {"hidden": parts["hidden"]})
            write_hidden_test(parts["hidden"])


def kept(path: Path) -> dict[str, list[dict[str, Any]]]:
    """What was recorded before, by part."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write(path: Path, parts: dict[str, list[dict[str, Any]]]) -> None:
    """Writes the parts as JSON with a line for each run."""
    blocks = [
        f'"{part}": [\n' + ",\n".join(json.dumps(run) for run in runs) + "\n]" for part, runs in parts.items()
    ]
    path.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8")


def write_hidden_test(runs: list[dict[str, Any]]) -> None:
    """Puts the runs into the hidden test of Lab 0's solution."""
    path = reference_path(find("lab0_measuring"))
    notebook = nbformat.read(path, as_version=4)
    (cell,) = (
        one
        for one in notebook.cells
        if one.metadata.get("nbgrader", {}).get("grade_id") == "bottleneck_points"
    )
    before, rest = cell.source.split("hidden = [")
    lines = "".join(f"    {json.dumps(run)},\n" for run in runs)
    cell.source = f"{before}hidden = [\n{lines}]\nnamed{rest.split('named', 1)[1]}"
    nbformat.write(notebook, path)


if __name__ == "__main__":
    main()
