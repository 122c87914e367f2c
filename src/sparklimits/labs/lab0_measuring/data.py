"""The data of lab 0: visits as one packed file, made-up timings, and recorded counters of the other labs' jobs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sparklimits.labs.lab0_measuring.naive import COUNTS, LABEL, read

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Measurements of which a ratio is asked.
MEASUREMENTS = 20


#: Seconds of the runs of two ways, paired by position.
Pairs = tuple[list[float], list[float]]


@dataclass(frozen=True)
class Spec:
    """Rows at scale 1, and how many of ``COUNTS`` each has."""

    visits: int
    counts: int


SPECS = {"main": Spec(18_000, 16), "other": Spec(27_000, 14)}


@dataclass(frozen=True)
class Course:
    """One data set: visits, measurements of which a ratio is asked, and recorded runs with their causes."""

    visits: pd.DataFrame
    measurements: list[Pairs]
    runs: list[dict[str, Any]]


def make_data(scale: float, seed: int, variant: str) -> Course:
    """Fresh visits and measurements; ``variant`` is a key of ``SPECS``, and of the recorded runs.

    Raises:
        ValueError: fewer than 500 visits are left.
    """
    spec = SPECS[variant]
    rows = round(scale * spec.visits)
    if rows < 500:
        raise ValueError(f"{rows} visits are too few")
    return Course(visits(rows, spec.counts, seed), measurements(seed), recorded(variant))


def visits(rows: int, counts: int, seed: int) -> pd.DataFrame:
    """Random visits: so many of ``COUNTS``, each Poisson, and ``LABEL``, which grows with them and their products."""
    rng = np.random.default_rng(seed)
    found = rng.poisson(rng.uniform(0.5, 3.0, counts), (rows, counts))
    alone = rng.exponential(0.5, counts)
    together = np.triu(rng.exponential(0.3, (counts, counts)) * (rng.random((counts, counts)) < 0.2), k=1)
    minutes = 5 + found @ alone + ((found @ together) * found).sum(axis=1) + rng.normal(size=rows)
    table = pd.DataFrame(found, columns=list(COUNTS[:counts]))
    return table.assign(**{LABEL: np.maximum(minutes, 0.1).round(3)})


def measurements(seed: int) -> list[Pairs]:
    """Seconds of two to nine pairs of runs, on machines from quiet to noisy; ``MEASUREMENTS`` of them."""
    rng = np.random.default_rng([seed, 0x5EC5])
    found = []
    for pairs in rng.integers(2, 10, MEASUREMENTS):
        speedup, noise = np.exp(rng.uniform(-0.3, 2.0)), rng.uniform(0.03, 0.3)
        base = np.exp(rng.uniform(-1, 3))
        slow, fast = base * np.exp(noise * rng.standard_normal((2, pairs))) / np.array([[1.0], [speedup]])
        found.append((slow.round(4).tolist(), fast.round(4).tolist()))
    return found


@lru_cache
def _recorded() -> dict[str, list[dict[str, Any]]]:
    text = (resources.files("sparklimits") / "resources" / "recorded_runs.json").read_text("utf-8")
    return json.loads(text)


def recorded(variant: str) -> list[dict[str, Any]]:
    """Recorded runs: ``job`` says what ran, ``cause`` is one of ``CAUSES``, ``counters`` are those of Spark.

    To the counters ``rows`` is added, the rows in the tables that the job was given.
    """
    return _recorded()[variant]


def write_data(course: Course, folder: Path) -> Path:
    """Writes the visits as one packed file, and the rest as JSON, into the new folder."""
    folder.mkdir(parents=True)
    packed = {"method": "gzip", "compresslevel": 1, "mtime": 1}
    course.visits.to_csv(folder / "visits.csv.gz", index=False, compression=packed)  # type: ignore[call-overload]
    text = json.dumps({"measurements": course.measurements, "runs": course.runs})
    (folder / "recorded.json").write_text(text, "utf-8")
    return folder


def load(spark: SparkSession, folder: Path) -> dict[str, Any]:
    """The inputs of the functions to write."""
    return {
        "visits": read(spark, folder / "visits.csv.gz"),
        **json.loads((folder / "recorded.json").read_text()),
    }
