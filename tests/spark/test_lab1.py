"""Lab 1's oracle against the definitions, row by row; its reference once on Spark."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs.lab1_memory import LAB
from sparklimits.labs.lab1_memory.data import make_data
from sparklimits.labs.lab1_memory.naive import HISTORY, LOOK_BACK, PENALTIES
from sparklimits.labs.lab1_memory.oracle import _looking_back, exact_errors, exact_examples
from sparklimits.measurement.experiment import Experiment
from sparklimits.spark import session
from tests.checking import quality


@pytest.fixture(scope="module")
def ratings() -> pd.DataFrame:
    return make_data(0.05, 3, "main")


def errors(ratings: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"penalty": PENALTIES, "rmse": exact_errors(ratings)})


def examples(ratings: pd.DataFrame) -> pd.DataFrame:
    return exact_examples(ratings).assign(partition=0)


def test_the_features_are_those_of_the_definition(ratings: pd.DataFrame) -> None:
    table = ratings.reset_index(drop=True)
    mean, deviation, count, last = _looking_back(table, "user_id", "item_id")
    for row in np.random.default_rng(0).choice(len(table), 50, replace=False):
        one = table.loc[row]
        same = table[table["user_id"] == one["user_id"]].sort_values(["ts", "item_id"])
        before = same["rating"][: same.index.get_loc(row)].tail(LOOK_BACK).astype(float)
        assert count[row] == len(before)
        assert mean[row] == pytest.approx(before.mean() if len(before) else 0.0)
        assert deviation[row] == pytest.approx(before.std(ddof=0) if len(before) else 0.0, abs=1e-6)
        assert last[row] == (before.iloc[-1] if len(before) else 0.0)


def test_the_examples_are_those_of_the_definition(ratings: pd.DataFrame) -> None:
    exact = exact_examples(ratings)
    assert len(exact) == len(ratings)
    for row in np.random.default_rng(1).choice(len(exact), 50, replace=False):
        one = exact.loc[row]
        same = ratings[ratings["user_id"] == one["user_id"]].sort_values(["ts", "item_id"])
        earlier = (same["ts"] < one["ts"]) | ((same["ts"] == one["ts"]) & (same["item_id"] < one["item_id"]))
        items = same["item_id"][earlier].tail(HISTORY).tolist()
        assert one["length"] == len(items)
        if items:
            assert (one["oldest"], one["newest"], one["largest"]) == (items[0], items[-1], max(items))
        else:
            assert one[["oldest", "newest", "largest"]].isna().all()


def test_the_right_results_pass_and_each_wrong_one_is_named(ratings: pd.DataFrame) -> None:
    right = {"compare_models": errors(ratings), "training_examples": examples(ratings)}
    assert quality(LAB, right, ratings).ok
    cases = [
        ("compare_models", right["compare_models"].assign(rmse=1.0), "differs from the exact one"),
        ("compare_models", right["compare_models"][:2], "one row is wanted for each penalty"),
        ("compare_models", right["compare_models"].drop(columns="rmse"), "the columns penalty and rmse"),
        ("compare_models", right["compare_models"].assign(rmse=np.nan), "differs"),
        ("training_examples", right["training_examples"][1:], "examples came out of"),
        ("training_examples", right["training_examples"][::-1], "not in the order of time"),
        ("training_examples", right["training_examples"].assign(length=1), "length is wrong in"),
        ("training_examples", right["training_examples"].drop(columns="newest"), "no column newest"),
    ]
    for name, table, reason in cases:
        found = quality(LAB, {name: table}, ratings)
        assert not found.ok, reason
        assert reason in found.broken[0]
    kept = right["compare_models"].copy()
    kept.attrs["kept"] = 1
    assert "call unpersist" in quality(LAB, {"compare_models": kept}, ratings).broken[0]


def test_the_reference_reads_once_and_does_not_spill() -> None:
    spark = session.get(LAB.constraints)
    experiment = Experiment(LAB, spark, scale=0.2)
    reference = experiment.run(load_functions(reference_path(LAB), LAB))
    assert reference.quality.ok, reference.quality.broken
    rows = len(reference.results["training_examples"])
    # The file's rows once, where the naive way reads them for each step of each model. (Spark counts some rows of a
    # batch twice when a file is read by two tasks.)
    assert reference.counters["compare_models"].summary()["input_records"] < 1.1 * rows
    naive = experiment.run({"compare_models": LAB.naive["compare_models"]})
    assert naive.quality.ok, naive.quality.broken
    # The examples are judged by what they spill; their seconds are no part of the speedup.
    assert reference.total == reference.seconds["compare_models"]
    assert naive.counters["compare_models"].summary()["input_records"] > 10 * rows
    # What earns the marks: the table is shuffled twice for the features, and not again for each step.
    bar = next(one.bar for one in LAB.exercises if one.name == "compare_models")
    good, bad = bar.at(0.2)
    assert reference.counters["compare_models"].summary()[bar.counter] <= good
    assert naive.counters["compare_models"].summary()[bar.counter] >= bad
