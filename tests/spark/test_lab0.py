"""Lab 0's oracle against its definition, its judges, the recorded runs; its reference once on Spark."""

from __future__ import annotations

import json
import math

import nbformat
import numpy as np
import pandas as pd
import pytest

from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs.lab0_measuring import LAB
from sparklimits.labs.lab0_measuring.data import MEASUREMENTS, make_data, measurements, recorded, visits
from sparklimits.labs.lab0_measuring.judges import drive_bottleneck, drive_ratio, judge_causes
from sparklimits.labs.lab0_measuring.naive import CAUSES, DEGREE, LABEL, PENALTY, bottleneck, ratio
from sparklimits.labs.lab0_measuring.oracle import _features, _products, exact_weights
from sparklimits.measurement import pairs
from sparklimits.measurement.experiment import Experiment
from tests.checking import quality
from tests.sessions import shared
from tests.submissions import ROOT

REFERENCE = load_functions(reference_path(LAB), LAB)
HIDDEN = json.loads((ROOT / "benchmarks" / "results" / "recorded_runs_hidden.json").read_text())["hidden"]
PARTS = {"main": recorded("main"), "other": recorded("other"), "hidden": HIDDEN}


def test_the_products_are_all_of_up_to_three_in_sparks_order() -> None:
    # The order that Spark's documentation of PolynomialExpansion gives for (x, y) and degree 2, and one degree more.
    assert _products(2) == ((0,), (0, 0), (0, 0, 0), (1,), (0, 1), (0, 0, 1), (1, 1), (0, 1, 1), (1, 1, 1))
    assert len(_products(16)) == math.comb(16 + DEGREE, DEGREE) - 1


def test_the_exact_weights_are_the_lowest_point_of_what_spark_minimises() -> None:
    table = visits(3_000, 4, 1)
    weights = exact_weights(table)
    x, y = _features(table), table[LABEL].to_numpy()
    spread, scale = x.std(axis=0), y.std()

    def objective(candidate: np.ndarray) -> float:
        residual = (y - x @ candidate[:-1] - candidate[-1]) / scale
        return float(
            (residual**2).mean() / 2 + PENALTY / scale * ((candidate[:-1] * spread / scale) ** 2).sum() / 2
        )

    best = objective(weights)
    rng = np.random.default_rng(0)
    for _ in range(50):
        step = 1e-3 * rng.normal(size=len(weights)) / np.append(spread, 1.0)
        assert objective(weights + step) > best


def test_a_right_fit_passes_and_each_wrong_one_is_named() -> None:
    course = make_data(0.05, 3, "main")
    right = pd.DataFrame({"weight": exact_weights(course.visits)})
    assert quality(LAB, {"fit_in_parallel": right}, course).ok
    some = pd.DataFrame({"weight": exact_weights(course.visits[::2])})
    cases = [
        (right[:-1], "rows with a column weight"),
        (right.rename(columns={"weight": "w"}), "rows with a column weight"),
        (right * math.nan, "minutes more or less"),
        (right + 0.01, "minutes more or less"),
        (some, "minutes more or less"),
    ]
    for table, reason in cases:
        found = quality(LAB, {"fit_in_parallel": table}, course)
        assert not found.ok, reason
        assert reason in found.broken[0]


def test_the_same_seed_gives_the_same_course_and_another_one_another() -> None:
    one, same, other = make_data(0.05, 3, "main"), make_data(0.05, 3, "main"), make_data(0.05, 4, "main")
    assert one.visits.equals(same.visits)
    assert one.measurements == same.measurements
    assert one.measurements != other.measurements
    assert len(make_data(0.05, 3, "other").visits.columns) == 15
    with pytest.raises(ValueError, match="too few"):
        make_data(0.01, 3, "main")


def test_measurements_have_all_numbers_of_pairs_and_positive_seconds() -> None:
    found = [pair for seed in range(20) for pair in measurements(seed)]
    assert len(found) == 20 * MEASUREMENTS
    assert {len(slow) for slow, _ in found} == set(range(2, 10))
    assert all(len(slow) == len(fast) and min(slow + fast) > 0 for slow, fast in found)


def test_ratios_are_judged_by_speedup_and_interval() -> None:
    cases = measurements(1)

    def right(slow: list[float], fast: list[float]) -> tuple[float, float, float]:
        found = pairs.ratio(slow, fast)
        return found.speedup, found.low, found.high

    def no_interval(slow: list[float], fast: list[float]) -> tuple[float, float, float]:
        return right(slow, fast)[0], 1.0, 1.0

    def fails(slow: list[float], fast: list[float]) -> None:
        raise ZeroDivisionError

    def wrong(solution: object) -> int:
        return int(drive_ratio(solution, {"measurements": cases}).counts["wrong_answers"])  # type: ignore[arg-type]

    assert wrong(right) == 0
    assert wrong(REFERENCE["ratio"]) == 0
    assert wrong(no_interval) == MEASUREMENTS
    assert wrong(ratio) == wrong(fails) == wrong(lambda slow, fast: 2.0) == 2 * MEASUREMENTS


def test_a_known_interval() -> None:
    # Ratios 2 and 8: logarithms log 4 ± log 2; Student's t of one degree of freedom is 12.706.
    speedup, low, high = REFERENCE["ratio"]([2.0, 8.0], [1.0, 1.0])
    half = 12.7062 * (math.log(2) * math.sqrt(2)) / math.sqrt(2)
    assert (speedup, low, high) == pytest.approx((4.0, 4 * math.exp(-half), 4 * math.exp(half)), rel=1e-4)


@pytest.mark.parametrize("part", PARTS)
def test_the_reference_names_every_cause_and_the_naive_way_few(part: str) -> None:
    runs = PARTS[part]
    assert {run["cause"] for run in runs} == set(CAUSES)
    judged = judge_causes(REFERENCE["bottleneck"], runs)
    assert judged["wrong"].sum() == 0, judged[judged["wrong"] > 0]
    assert drive_bottleneck(REFERENCE["bottleneck"], {"runs": runs}).counts == {"wrong_causes": 0}
    assert judge_causes(bottleneck, runs)["wrong"].sum() >= 10
    for cause in CAUSES:
        assert judge_causes(lambda counters, cause=cause: cause, runs)["wrong"].sum() >= 5


def test_a_bottleneck_that_fails_is_wrong_and_says_why() -> None:
    judged = judge_causes(lambda counters: counters["no such"], PARTS["main"][:2])
    assert judged["wrong"].tolist() == [1, 1]
    assert "KeyError" in judged["yours"][0]


@pytest.mark.parametrize("part", PARTS)
def test_each_limit_lies_far_from_the_recorded_runs(part: str) -> None:
    """What the table in the notebook shows: between with and without a cause there is room for anybody's limit."""
    values: dict[str, dict[str, float]] = {}
    for run in PARTS[part]:
        counters = run["counters"]
        values[run["job"]] = {
            "cause": run["cause"],
            "skew": counters["heaviest_task_records"] / max(1.0, counters["median_task_records"]),
            "recomputation": counters["input_records"] / counters["rows"],
            "network": counters["shuffle_bytes"],
            "idle slots": counters["slot_ratio"],
        }
    asked: list[str] = ["skew", "spill"]
    for cause, room in (("skew", 3.0), ("recomputation", 2.0), ("network", 2.0), ("idle slots", 1.5)):
        # A run with a cause that is asked about earlier never comes to this question.
        left = [one for one in values.values() if one["cause"] not in asked or one["cause"] == cause]
        with_it = [one[cause] for one in left if one["cause"] == cause]
        without = [one[cause] for one in left if one["cause"] != cause]
        assert min(with_it) > room * max(without), (cause, with_it, without)
        asked.append(cause)


def test_the_hidden_runs_of_the_notebook_are_the_recorded_ones() -> None:
    notebook = nbformat.read(reference_path(LAB), as_version=4)
    (cell,) = (
        cell
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "bottleneck_points"
    )
    literal = cell.source.split("hidden = ")[1].split("\nnamed")[0]
    assert eval(literal) == HIDDEN


def test_the_reference_keeps_every_slot_busy() -> None:
    experiment = Experiment(LAB, shared(LAB), scale=0.1)
    naive, reference = experiment.run(LAB.naive), experiment.run(REFERENCE)
    for run in (naive, reference):
        assert run.quality.ok, run.quality.broken
    slots = LAB.constraints.slots
    assert naive.counters["fit_in_parallel"].slot_ratio() == slots
    assert reference.counters["fit_in_parallel"].slot_ratio() < 1.1
    # Neither of the other two needs the cluster, and neither counts for the speedup.
    assert not reference.counters["ratio"].tasks
    assert reference.total == reference.seconds["fit_in_parallel"]
    assert reference.counters["ratio"].summary()["wrong_answers"] == 0
    assert reference.counters["bottleneck"].summary()["wrong_causes"] == 0
    other = experiment.run(REFERENCE, "other")
    assert other.quality.ok, other.quality.broken
