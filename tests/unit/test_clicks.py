"""Generated clicks: a truth that is known and can be learned; Criteo's format, and every bad file refused."""

import gzip

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit

from sparklimits.datasets import card, criteo
from sparklimits.datasets.clicks import (
    CATEGORIES,
    COLUMNS,
    LABEL,
    NUMBERS,
    SCHEMA,
    ClicksSpec,
    best_auc,
    best_logloss,
    generate,
    hashed,
    measured,
    probabilities,
    write_parquet,
)
from sparklimits.errors import DataError
from tests.unit.test_datasets import program

SPEC = ClicksSpec(20_000)


@pytest.fixture(scope="module")
def clicks():
    return generate(SPEC, 1)


def auc(scores, labels):
    """The share of (clicked, not clicked) pairs in the right order, counted one by one."""
    clicked, others = scores[labels == 1], np.sort(scores[labels == 0])
    return (np.searchsorted(others, clicked) / len(others)).mean()


def test_the_seed_decides_the_rows_and_the_world_their_truth(clicks):
    pd.testing.assert_frame_equal(clicks, generate(SPEC, 1))
    assert not clicks.equals(generate(SPEC, 2))
    other = probabilities(clicks[:100], SPEC, world=0)
    with pytest.raises(ValueError, match="world 1 does not have"):
        probabilities(clicks[:100], SPEC, world=1)
    # A number of rows is no part of the truth.
    np.testing.assert_array_equal(other, probabilities(clicks[:100], ClicksSpec(500)))


def test_the_rate_and_the_power_law_are_those_chosen(clicks):
    figures = measured(clicks)
    assert figures["rate"] == pytest.approx(SPEC.rate, abs=0.02)
    assert figures["top_values"] > 0.4
    assert 0.02 < figures["missing"] < 0.2
    # The most frequent value of a power law has 2^exponent times the rows of the second.
    first, second = clicks["c3"].value_counts().to_numpy()[:2]
    assert first / second == pytest.approx(2**SPEC.exponent, rel=0.2)


def test_the_best_scores_are_those_of_the_truth(clicks):
    truth = probabilities(clicks, SPEC)
    labels = clicks["label"].to_numpy()
    assert best_auc(truth) == pytest.approx(auc(truth, labels), abs=0.012)
    found = -np.where(labels == 1, np.log(truth), np.log1p(-truth)).mean()
    assert best_logloss(truth) == pytest.approx(found, abs=0.012)
    # By hand: the pair is in the right order with 0.8 * 0.8, in the wrong one with 0.2 * 0.2.
    assert best_auc(np.array([0.2, 0.8])) == pytest.approx(0.64 / 0.68)


def test_there_is_something_to_learn_and_a_linear_model_cannot_learn_it_all():
    train, test = generate(ClicksSpec(60_000), 3), generate(SPEC, 4)

    def design(table):
        ids, numbers = hashed(table, 2**15)
        rows = np.repeat(np.arange(len(ids)), ids.shape[1])
        ones = sparse.csr_matrix((np.ones(ids.size), (rows, ids.ravel())), shape=(len(ids), 2**15))
        return sparse.hstack([ones, numbers, np.ones((len(ids), 1))]).tocsr()

    x, y = design(train), train["label"].to_numpy()

    def loss(w):
        score = x @ w
        slope = x.T @ (expit(score) - y) + 3.0 * w
        return np.logaddexp(0, score).sum() - score @ y + 1.5 * w @ w, slope

    w = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 60}).x
    reached = auc(design(test) @ w, test["label"].to_numpy())
    assert 0.68 < reached < best_auc(probabilities(test, SPEC)) - 0.03


def test_hashing_gives_ids_in_range_and_is_the_same_for_strings_and_categories(clicks):
    ids, numbers = hashed(clicks, 1000)
    assert ids.shape == (len(clicks), 26)
    assert ids.min() >= 0
    assert ids.max() < 1000
    assert numbers.dtype == np.float32
    assert not np.isnan(numbers).any()
    plain = clicks.astype(dict.fromkeys(CATEGORIES, object))
    np.testing.assert_array_equal(hashed(plain, 1000)[0], ids)
    # The same digits in two columns are two things.
    same = clicks.assign(c2=clicks["c1"])
    both = hashed(same, 2**20)[0]
    assert (both[:, 0] != both[:, 1]).all()


def test_parquet_files_hold_the_schema(clicks, tmp_path):
    folder = write_parquet(clicks, tmp_path / "clicks", files=3)
    assert len(list(folder.glob("*.parquet"))) == 3
    table = pq.read_table(folder)
    assert table.schema.equals(SCHEMA, check_metadata=False)
    np.testing.assert_array_equal(table["c26"].to_pandas().isna(), clicks["c26"].isna())


@pytest.mark.parametrize("name", ["day.txt", "day.txt.gz"])
def test_criteos_format_is_read_as_it_was_written(clicks, tmp_path, name):
    part = clicks[:500].reset_index(drop=True)
    found = criteo.load(criteo.write(part, tmp_path / name))
    assert list(found.columns) == list(COLUMNS)
    assert found["label"].tolist() == part["label"].tolist()
    for column in NUMBERS:
        pd.testing.assert_series_equal(found[column], part[column])
    np.testing.assert_array_equal(hashed(found, 2**16)[0], hashed(part, 2**16)[0])


GOOD = "\t".join(["1", *["4"] * 13, *["05db9164"] * 26])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (GOOD[:-9], "40 fields with tabs between them are expected, not 39"),
        ("2" + GOOD[1:], "the label is '2', not 0 or 1"),
        (GOOD[1:], "the label is '', not 0 or 1"),
        (GOOD.replace("4", "4.5", 1), "i1: '4.5' is not a whole number of at most nine digits"),
        (GOOD.replace("05db9164", "shoes", 1), "c1: 'shoes' is not made of hexadecimal digits"),
        (GOOD.replace("4", "99999999999", 1), "i1: '99999999999' is not a whole number"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, reason):
    path = tmp_path / "day.txt"
    path.write_text(f"{GOOD}\n{GOOD}\n{line}\n{GOOD}\n")
    with pytest.raises(DataError, match=rf"day.txt, line 3: {reason}"):
        criteo.load(path)


@pytest.mark.shows("clicks_missing")
def test_other_files_are_refused(tmp_path):
    with pytest.raises(DataError, match="There is no file"):
        criteo.load(tmp_path / "none.txt")
    empty = tmp_path / "empty.txt"
    empty.touch()
    with pytest.raises(DataError, match="holds no data"):
        criteo.load(empty)
    cut = tmp_path / "day.gz"
    cut.write_bytes(gzip.compress((GOOD + "\n").encode() * 2000)[:-20])
    with pytest.raises(DataError, match="cut off or damaged"):
        criteo.load(cut)
    no_archive = tmp_path / "plain.gz"
    no_archive.write_text(GOOD)
    with pytest.raises(DataError, match="cut off or damaged"):
        criteo.load(no_archive)


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="too few"):
        SPEC.scaled(0.001)


def test_the_command_and_the_card(tmp_path, capsys):
    prepare = program("clicks")
    assert prepare.main(["--rows", "300", "--format", "criteo", "--out", str(tmp_path / "a.txt")]) == 0
    assert prepare.main(["--from", str(tmp_path / "a.txt"), "--out", str(tmp_path / "b")]) == 0
    assert len(pq.read_table(tmp_path / "b")) == 300
    assert prepare.main(["--out", str(tmp_path / "b")]) == 1
    assert prepare.main(["--rows", "5"]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert all(line.startswith("prepare.py: ") for line in errors)
    assert prepare.card_table() == card.read(prepare.HERE / "README.md")


def test_a_turn_keeps_what_can_be_learned_and_changes_what_it_is():
    turned = [generate(SPEC, 1, turn=turn) for turn in (3, 3, 4)]
    pd.testing.assert_frame_equal(turned[0], turned[1])
    chances = [probabilities(turned[0], SPEC, turn=turn) for turn in (3, 4, None)]
    best = best_logloss(chances[0])
    assert abs(best - best_logloss(probabilities(turned[2], SPEC, turn=4))) < 0.03
    labels = turned[0][LABEL].to_numpy()
    for foreign in chances[1:]:
        assert -np.where(labels == 1, np.log(foreign), np.log1p(-foreign)).mean() > best + 0.1
