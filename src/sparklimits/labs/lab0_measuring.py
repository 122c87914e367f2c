"""Lab 0, measuring: a fit that uses one of two executors, and how one knows.

The data are the visits of a shop, handed over as one gzip file: counts of what a visitor did, and the minutes that
the visit took. With them come the seconds of some measurements, made up from a seed, and the counters of some jobs
of the other labs, recorded by ``benchmarks/record_runs.py``.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import combinations_with_replacement
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparklimits import measure
from sparklimits.cluster import Constraints
from sparklimits.labs.base import Lab, Quality, Solution, Task

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: What is counted of a visit, and what a model is to tell from it.
COUNTS = (
    "pages", "clicks", "searches", "photos", "reviews", "videos", "filters", "sorts", "carts", "wishes", "shares",
    "questions", "returns", "coupons", "visits", "orders",
)  # fmt: skip
LABEL = "minutes"
#: A feature is the product of up to so many counts of a visit.
DEGREE = 3
PENALTY = 0.01
#: Largest allowed difference, in minutes, from what the exact model says about a visit.
TOLERANCE = 0.01
#: Numbers of an answer to ``ratio`` may differ by this share.
CLOSE = 1e-3
#: What may hold up a job; ``bottleneck`` answers with one of them.
CAUSES = ("skew", "spill", "recomputation", "network", "idle slots", "none")
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


def fit_in_parallel(visits: DataFrame) -> pd.DataFrame:
    """The weights of a model that tells the minutes of a visit from its counts."""
    return train(visits)


def ratio(baseline: Sequence[float], candidate: Sequence[float]) -> tuple[float, float, float]:
    """How many times faster the candidate is, and the two ends of an interval: here simply the first pair."""
    speedup = baseline[0] / candidate[0]
    return speedup, speedup, speedup


def bottleneck(counters: Mapping[str, float]) -> str:
    """What holds up a job with these counters, one of ``CAUSES``: here "the network", whenever bytes were moved."""
    return "network" if counters["shuffle_bytes"] else "none"


def train(visits: DataFrame) -> pd.DataFrame:
    """Fits MLlib's linear regression; column ``weight``: one for each feature, the constant last.

    The features are all products of up to three counts.
    """
    from pyspark.ml.feature import PolynomialExpansion, VectorAssembler
    from pyspark.ml.regression import LinearRegression

    counts = VectorAssembler(inputCols=[name for name in visits.columns if name != LABEL], outputCol="counts")
    products = PolynomialExpansion(degree=DEGREE, inputCol="counts", outputCol="features")
    table = products.transform(counts.transform(visits))
    model = LinearRegression(labelCol=LABEL, regParam=PENALTY).fit(table)
    return pd.DataFrame({"weight": [*model.coefficients, model.intercept]})


def read(spark: SparkSession, file: Path) -> DataFrame:
    """The visits in a CSV file with a line of names; Spark unpacks a name that ends in ``.gz``."""
    names = spark.read.csv(str(file), header=True).columns
    schema = ", ".join(f"{name} {'double' if name == LABEL else 'int'}" for name in names)
    return spark.read.csv(str(file), header=True, schema=schema)


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
    """Seconds of two to nine pairs of runs, on machines from quiet to restless; ``MEASUREMENTS`` of them."""
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


def judge_ratios(solution: Solution, measurements: Sequence[Pairs]) -> pd.DataFrame:
    """What the function says of each measurement, beside what is right.

    Columns ``pairs`` (how many), ``speedup``, ``low``, ``high``, the same three as ``your …``, and ``wrong``: 0, or 1
    when the speedup or the interval is wrong, or 2. ``attrs["counters"]`` has their sum.
    """
    rows = []
    for baseline, candidate in measurements:
        right = measure.ratio(baseline, candidate)
        exact = (right.speedup, right.low, right.high)
        yours = _three_numbers(solution, baseline, candidate)
        same = [math.isclose(one, other, rel_tol=CLOSE) for one, other in zip(exact, yours, strict=True)]
        rows.append((len(baseline), *exact, *yours, (not same[0]) + (not (same[1] and same[2]))))
    names = ["speedup", "low", "high"]
    table = pd.DataFrame(rows, columns=["pairs", *names, *(f"your {name}" for name in names), "wrong"])
    table.attrs["counters"] = {"wrong_answers": int(table["wrong"].sum())}
    return table


def _three_numbers(solution: Solution, baseline: list[float], candidate: list[float]) -> list[float]:
    """The function's answer; not-a-number where it gave none. One that fails has given a wrong answer, no more."""
    try:
        speedup, low, high = (float(one) for one in solution(list(baseline), list(candidate)))
    except Exception:
        return [math.nan] * 3
    return [speedup, low, high]


def judge_causes(solution: Solution, runs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """What the function says of each run: ``job``, ``cause``, ``yours``, ``wrong`` (0 or 1).

    ``attrs["counters"]`` has how many are wrong.
    """
    rows = []
    for run in runs:
        try:
            yours = solution(dict(run["counters"]))
        except Exception as error:
            yours = f"{type(error).__name__}: {error}"
        rows.append((run["job"], run["cause"], str(yours), int(yours != run["cause"])))
    table = pd.DataFrame(rows, columns=["job", "cause", "yours", "wrong"])
    table.attrs["counters"] = {"wrong_causes": int(table["wrong"].sum())}
    return table


def check(results: Mapping[str, pd.DataFrame], course: Course) -> Quality:
    """Compares the fitted model with the exact one, computed by NumPy on the driver.

    The answers of the other two functions are counted, not checked: a wrong one costs the marks of its function only.
    """
    values: dict[str, float] = {}
    broken: list[str] = []
    if (found := results.get("fit_in_parallel")) is not None:
        exact = exact_weights(course.visits)
        if "weight" not in found.columns or len(found) != len(exact):
            broken.append(f"fit_in_parallel: the result must have {len(exact):,} rows with a column weight")
            return Quality(values, tuple(broken))
        weights = pd.to_numeric(found["weight"], errors="coerce").to_numpy(np.float64)
        some = _features(course.visits[:5_000])
        apart = float(np.abs(some @ (weights - exact)[:-1] + (weights - exact)[-1]).max())
        values["minutes_apart"] = round(apart, 6)
        if not apart <= TOLERANCE:
            broken.append(
                f"fit_in_parallel: for a visit the model says {apart:.3f} minutes more or less than the exact one; "
                f"{TOLERANCE} is allowed"
            )
    return Quality(values, tuple(broken))


def exact_weights(visits: pd.DataFrame) -> NDArray[np.float64]:
    """What ``train`` must give: ridge regression by its normal equations, in pieces that fit into memory.

    Spark penalises the weights of standardised features, and divides the penalty by the label's standard deviation,
    as glmnet does (the comment in ``WeightedLeastSquares.scala`` derives it).
    """
    size = len(_products(visits.shape[1] - 1)) + 1
    sums, moments = np.zeros(size), np.zeros((size, size))
    for start in range(0, len(visits), 5_000):
        part = visits[start : start + 5_000]
        table = np.column_stack([_features(part), part[LABEL]])
        moments += table.T @ table
        sums += table.sum(axis=0)
    mean = sums / len(visits)
    covariance = moments / len(visits) - np.outer(mean, mean)
    spread = np.sqrt(np.diag(covariance))
    together = covariance / np.outer(spread, spread)
    gram, moment = together[:-1, :-1], together[:-1, -1]
    scaled = np.linalg.solve(gram + PENALTY / spread[-1] * np.eye(size - 1), moment)
    weights = scaled * spread[-1] / spread[:-1]
    return np.append(weights, mean[-1] - mean[:-1] @ weights)


@lru_cache
def _products(counts: int) -> tuple[tuple[int, ...], ...]:
    """The products of up to ``DEGREE`` of so many counts, in Spark's order: that of the last count's powers first."""
    found = [
        places
        for degree in range(1, DEGREE + 1)
        for places in combinations_with_replacement(range(counts), degree)
    ]

    def powers(places: tuple[int, ...]) -> tuple[int, ...]:
        often = Counter(places)
        return tuple(often[place] for place in reversed(range(counts)))

    return tuple(sorted(found, key=powers))


def _features(visits: pd.DataFrame) -> NDArray[np.float64]:
    numbers = visits.drop(columns=LABEL).to_numpy(np.float64)
    # A product of fewer counts is filled up with the column of ones, which is the last.
    padded = np.column_stack([numbers, np.ones(len(numbers))])
    places = np.array([(*one, *[-1] * (DEGREE - len(one))) for one in _products(numbers.shape[1])])
    table = padded[:, places[:, 0]]
    for column in places.T[1:]:
        table *= padded[:, column]
    return table


def _judged(judge: Callable[[Solution, Any], pd.DataFrame], name: str) -> Callable[..., pd.DataFrame]:
    return lambda solution, inputs: judge(solution, inputs[name])


LAB = Lab(
    id="lab0_measuring",
    limitation="one partition",
    fix="as many partitions as slots",
    explains="slot_ratio",
    constraints=Constraints(
        settings={"spark.locality.wait": "0s"},
        reasons={
            "spark.locality.wait": (
                "0 instead of 3 s: a task would wait so long for the machine that holds its rows, while others are "
                "idle. That is little for tasks of minutes; here they take a second"
            )
        },
    ),
    tasks=(
        Task("fit_in_parallel", fit_in_parallel, ("visits",), "slot_ratio", good=1.15, bad=1.9),
        Task(
            "ratio",
            ratio,
            ("measurements",),
            "wrong_answers",
            good=1,
            bad=36,
            needs="",
            timed=False,
            drive=_judged(judge_ratios, "measurements"),
        ),
        Task(
            "bottleneck",
            bottleneck,
            ("runs",),
            "wrong_causes",
            good=1,
            bad=10,
            needs="",
            timed=False,
            drive=_judged(judge_causes, "runs"),
        ),
    ),
    gain=1.2,
    make_data=make_data,
    write_data=write_data,
    load=load,
    check=check,
    variants=("main", "other"),
    shown=("slot_ratio",),
    warm_up=1.0,
)
