"""Lab 3's oracle against the definitions; its reference once on Spark; Kryo, the calculator and the failures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sparklimits.errors import SparkLimitsError
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs.lab3_network import LAB, kryo
from sparklimits.labs.lab3_network.data import Day, baskets, make_data
from sparklimits.labs.lab3_network.links import Links
from sparklimits.labs.lab3_network.oracle import exact_scores, exact_tastes
from sparklimits.measurement import verdict
from sparklimits.measurement.experiment import Experiment
from sparklimits.measurement.pairs import PairedRun
from sparklimits.measurement.plan import BASELINE, CANDIDATE, Place
from sparklimits.measurement.run import Run
from sparklimits.measurement.verdict import Broken
from sparklimits.spark import session
from tests.checking import quality
from tests.submissions.lab3_network import RIGHT


@pytest.fixture(scope="module")
def day() -> Day:
    return make_data(0.05, 3, "main")


def similarities(day: Day) -> pd.DataFrame:
    matrix = baskets(day)
    rows = [
        (a, b, matrix[:, a] @ matrix[:, b] / np.sqrt((matrix[:, a] ** 2).sum() * (matrix[:, b] ** 2).sum()))
        for a in range(kryo.GROUPS)
        for b in range(a + 1, kryo.GROUPS)
    ]
    found = pd.DataFrame(rows, columns=["group_a", "group_b", "similarity"])
    return found[found["similarity"] != 0]


def test_the_oracle_is_that_of_the_definition(day: Day) -> None:
    tastes, scores = exact_tastes(day).set_index("cohort"), exact_scores(day).set_index("cohort")
    for cohort in np.random.default_rng(0).choice(tastes.index, 10, replace=False):
        bought = [
            day.items[item] for c, item in zip(day.bought_cohort, day.bought_item, strict=True) if c == cohort
        ]
        assert tastes.loc[cohort, "purchases"] == len(bought)
        np.testing.assert_allclose(tastes.loc[cohort, "taste"], np.mean(bought, axis=0), atol=1e-5)
        mine = np.flatnonzero(day.viewed_cohort == cohort)
        products = [day.users[day.viewed_user[view]] @ day.items[day.viewed_item[view]] for view in mine]
        assert scores.loc[cohort, "views"] == len(mine)
        assert scores.loc[cohort, "score"] == pytest.approx(np.mean(products), abs=1e-4)


def test_every_cohort_buys_and_views_and_days_differ() -> None:
    for variant in LAB.variants:
        one, other = (make_data(0.05, seed, variant) for seed in (1, 2))
        for name in ("bought", "viewed"):
            cohorts = getattr(one, f"{name}_cohort")
            assert set(cohorts) == set(range(cohorts.max() + 1))
            assert not np.array_equal(getattr(one, f"{name}_item"), getattr(other, f"{name}_item"))
    with pytest.raises(ValueError, match="cohorts"):
        make_data(0.001, 1, "main")


def test_the_right_results_pass_and_each_wrong_one_is_named(day: Day) -> None:
    tastes, scores, similar = exact_tastes(day), exact_scores(day), similarities(day)
    assert quality(LAB, {"cohort_tastes": tastes, "cohort_scores": scores, "kryo_settings": similar}, day).ok
    cases = [
        ("cohort_tastes", tastes[1:], "cohorts must have one row each"),
        ("cohort_tastes", tastes.assign(purchases=1), "purchases is wrong for"),
        ("cohort_tastes", tastes.assign(taste=tastes["taste"] * 1.01), "is off by up to"),
        (
            "cohort_tastes",
            tastes.assign(taste=tastes["taste"].map(lambda one: one[:-1])),
            "is not a list of 128 numbers",
        ),
        ("cohort_tastes", tastes.assign(taste=None), "is not a list of 128 numbers"),
        ("cohort_tastes", tastes.drop(columns="taste"), "no column taste"),
        ("cohort_scores", scores.assign(score=np.nan), "is off by up to"),
        ("cohort_scores", pd.concat([scores, scores[:1]]), "one row each"),
        ("kryo_settings", similar[1:], "similarities came out of"),
        ("kryo_settings", similar.assign(similarity=0.5), "a similarity is off by"),
    ]
    for name, table, reason in cases:
        found = quality(LAB, {name: table}, day)
        assert not found.ok, reason
        assert reason in found.broken[0]


def test_a_group_in_no_basket_has_no_similarity() -> None:
    baskets = np.array([[1.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    found = pd.DataFrame({"group_a": [0], "group_b": [2], "similarity": [0.5**0.5]})
    assert kryo.differences(found, baskets) == []
    assert "1 similarities came out of 3" in kryo.differences(found, baskets + 0.1)[0]


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return Experiment(LAB, session.get(LAB.constraints), scale=0.1)


@pytest.fixture(scope="module")
def naive(experiment: Experiment) -> Run:
    return experiment.run({name: LAB.naive[name] for name in ("cohort_tastes", "cohort_scores")})


def test_the_reference_sends_next_to_nothing(experiment: Experiment, naive: Run) -> None:
    reference = load_functions(reference_path(LAB), LAB)
    fixed = experiment.run(reference, "other")
    for run in (fixed, naive):
        assert run.quality.ok, run.quality.broken
    for name in ("cohort_tastes", "cohort_scores"):
        before, after = (run.counters[name].summary()["shuffle_bytes"] for run in (naive, fixed))
        # A vector a row against one a cohort and task, or none: at this scale still a factor of dozens.
        assert before > 20 * after > 0
    assert fixed.counters["kryo_settings"].summary()["object_bytes"] <= LAB.bars["kryo_settings"].good
    assert fixed.untimed == {"kryo_settings"}


@pytest.mark.parametrize("way", ["partial sums, no shuffle", "reduceByKey"])
def test_right_in_another_way_is_no_reason_for_doubt(experiment: Experiment, naive: Run, way: str) -> None:
    names: dict[str, Any] = {}
    exec(RIGHT[way], names)
    run = experiment.run({"cohort_tastes": names["cohort_tastes"]})
    assert run.quality.ok, run.quality.broken
    counted = run.counters["cohort_tastes"].summary()
    assert (counted["shuffle_records"] == 0) == (way == "partial sums, no shuffle")
    # There are as many cohorts and items at full size, where what a function brings to the driver counts.
    assert counted["result_bytes"] < LAB.exercises[0].collects
    pairs = [
        PairedRun(Place(arm, pair), seconds, one)
        for pair in range(2)
        for arm, seconds, one in ((BASELINE, 3.0, naive), (CANDIDATE, 1.0, run))
    ]
    broken = {name: Broken("failed", ()) for name in ("cohort_scores", "kryo_settings")}
    found = verdict.of(LAB, pairs, [], broken, scale=0.1, backend="embedded")
    assert not any("driver" in reason or "elsewhere" in reason for reason in found.reasons), found.reasons
    assert found.share("cohort_tastes") == 1.0


@pytest.mark.parametrize("settings", [{"spark.shuffle.compress": "true"}, ["spark.serializer"]])
def test_only_settings_of_the_serializer_are_taken(settings: object) -> None:
    with pytest.raises(SparkLimitsError, match=r"not a serializer setting|a dictionary of settings"):
        kryo.checked(settings)


def test_seconds_from_bytes() -> None:
    one_gigabit = Links(machines=10, gigabits=1, latency_ms=0)
    # A tenth of 12.5 GB on each machine, nine tenths of it leave, at 0.125 GB a second.
    assert one_gigabit.seconds(12.5e9) == pytest.approx(9.0)
    assert Links(machines=10, gigabits=1, latency_ms=0, oversubscription=4).seconds(12.5e9) == pytest.approx(
        36.0
    )
    assert Links(machines=1, gigabits=1, latency_ms=0).seconds(1e9) == 0.0
    # A broadcast comes in once, however many machines there are.
    assert [
        Links(machines=m, gigabits=1, latency_ms=0).seconds(0, broadcast_bytes=125e6) for m in (2, 20)
    ] == [1.0, 1.0]
    assert Links(machines=10, gigabits=1, latency_ms=2).seconds(0, rounds=500) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="gigabits"):
        Links(machines=2, gigabits=0).seconds(1.0)
