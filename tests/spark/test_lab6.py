"""Lab 6: its features against the definition, its check, and both ways once on Spark."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs.lab6_capstone import LAB
from sparklimits.labs.lab6_capstone.data import Days, make_data
from sparklimits.labs.lab6_capstone.naive import DAY, FEATURES, ITERATIONS, LAST, LOOK_BACK, SIZES
from sparklimits.labs.lab6_capstone.oracle import check
from sparklimits.labs.oracles import fit_lbfgs, mlp_probabilities
from sparklimits.measurement.experiment import Experiment
from sparklimits.spark import session


@pytest.fixture(scope="module")
def days() -> Days:
    return make_data(0.2, 3, "main")


def last_day(days: Days, probability: object) -> pd.DataFrame:
    rows = days.impressions.loc[days.impressions["ts"] >= LAST * DAY, "row"]
    return pd.DataFrame({"row": rows, "probability": probability})


def test_the_features_are_those_of_the_definition(days: Days) -> None:
    table = days.impressions
    found = pd.DataFrame(days.exact, columns=FEATURES)
    for row in np.random.default_rng(0).choice(len(table), 40, replace=False):
        one = table.loc[row]
        before = table[(table["user_id"] == one["user_id"]) & (table.index < row)].tail(LOOK_BACK)
        fits = [days.users[one["user_id"]] @ days.ads[ad] for ad in before["ad_id"]]
        assert found.loc[row, "affinity"] == pytest.approx(
            days.users[one["user_id"]] @ days.ads[one["ad_id"]], abs=1e-3
        )
        assert found.loc[row, "seen"] == pytest.approx(len(before) / LOOK_BACK)
        assert found.loc[row, "affinity_mean"] == pytest.approx(np.mean(fits) if fits else 0.0, abs=1e-3)
        assert found.loc[row, "affinity_deviation"] == pytest.approx(np.std(fits) if fits else 0.0, abs=1e-3)
        assert found.loc[row, "affinity_best"] == pytest.approx(max(fits) if fits else 0.0, abs=1e-3)
        pause = np.log1p(one["ts"] - before["ts"].iloc[-1]) / 10 if len(before) else 0.0
        assert found.loc[row, "pause"] == pytest.approx(pause)


def test_what_is_wrong_is_named(days: Days) -> None:
    cases = [
        (last_day(days, 0.25), "the AUC of the last day is 0.5"),
        (last_day(days, 0.25)[1:], "must come once"),
        (last_day(days, 1.5), "not between 0 and 1"),
        (last_day(days, np.nan), "not between 0 and 1"),
        (last_day(days, 0.25).drop(columns="probability"), "no column probability"),
    ]
    for table, reason in cases:
        quality = check(table, days)
        assert not quality.ok, reason
        assert reason in quality.broken[0]


def test_a_network_that_knows_no_history_is_refused() -> None:
    days = make_data(LAB.warm_up, 4, "main")
    old = (days.impressions["ts"] < LAST * DAY).to_numpy()
    clicked = days.impressions["clicked"].to_numpy(np.float64)
    for columns, right in ((len(FEATURES), True), (FEATURES.index("seen"), False)):
        inputs = days.exact[:, :columns].astype(np.float32)
        sizes = (columns, *SIZES[1:])
        weights = fit_lbfgs(inputs[old], clicked[old], sizes, ITERATIONS)
        probability = mlp_probabilities(weights, inputs[~old], sizes)
        assert check(last_day(days, probability), days).ok is right


def test_the_reference_is_as_good_and_leaves_the_jobs_away() -> None:
    spark = session.get(LAB.constraints)
    experiment = Experiment(LAB, spark, scale=LAB.warm_up, seed=5)
    fixed = experiment.run(load_functions(reference_path(LAB), LAB), "other")
    naive = experiment.run(LAB.naive)
    for run in (fixed, naive):
        assert run.quality.ok, run.quality.broken
    before, after = (run.merged.summary() for run in (naive, fixed))
    # MLlib's network runs a job for each of its iterations.
    assert before["jobs"] > ITERATIONS > 10 >= after["jobs"]
    # Features made for several passes against once; joins that shuffle the vectors against joins that do not.
    assert before["input_records"] > 3 * after["input_records"]
    assert before["shuffle_bytes"] > 10 * after["shuffle_bytes"]


def test_the_bars_of_the_counters_grow_with_the_data() -> None:
    days = make_data(1.0, 1, "main")
    impressions = len(days.impressions)
    rows = impressions + len(days.users) + len(days.ads)
    records, size = LAB.bars["records"], LAB.bars["bytes"]
    assert records.at(1.0) == pytest.approx((1.5 * rows, 4.0 * rows), rel=0.01)
    assert size.at(1.0) == pytest.approx((200.0 * impressions, 1500.0 * impressions), rel=0.01)
    # The tables of users and ads are the same at every scale.
    for scale, impressions in ((0.1, 0.8), (2.0, 2.0)):  # fewer than four fifths there are never
        other = make_data(scale, 1, "main")
        rows = len(other.impressions) + len(other.users) + len(other.ads)
        assert records.at(scale)[0] == pytest.approx(1.5 * rows, rel=0.01)
        assert size.at(scale)[0] == pytest.approx(impressions * size.at(1.0)[0])
