"""The skew lab's referee: its exact results against slow and plain ones, and what it lets pass."""

from decimal import Decimal
from functools import cache
from itertools import combinations
from statistics import fmean, pstdev

import numpy as np
import pandas as pd
import pytest

from sparklimits.datasets.ratings import measured_skew
from sparklimits.labs import lab2_skew
from sparklimits.labs.lab2_skew import LAB
from sparklimits.labs.lab2_skew.data import SPECS
from sparklimits.labs.lab2_skew.naive import SUPPORT, WINDOW
from sparklimits.labs.lab2_skew.oracle import MAX_ERROR, exact_pairs, exact_trends
from tests.checking import quality


def plain_trends(ratings):
    """For every rating, look at every rating of its item: those of the `WINDOW` seconds before it count."""
    rows = []
    for item, table in ratings.groupby("item_id"):
        history = list(zip(table["ts"].tolist(), table["rating"].tolist(), strict=True))
        windows = [
            [value for time, value in history if now - WINDOW <= time <= now - 1] for now, _ in history
        ]
        deviations = [pstdev(window) for window in windows if window]
        rows.append(
            {
                "item_id": item,
                "ratings": len(history),
                "peak": max(len(window) for window in windows),
                "spread": fmean(deviations) if deviations else float("nan"),
            }
        )
    return pd.DataFrame(rows)


def plain_pairs(ratings, support):
    """Count every pair in every user's basket."""
    counts = {}
    for _, items in ratings.groupby("user_id")["item_id"]:
        for pair in combinations(sorted(items.tolist()), 2):
            counts[pair] = counts.get(pair, 0) + 1
    return {pair: users for pair, users in counts.items() if users >= support}


def small_ratings(seed, rows=300, users=40, items=8, hours=12, grain=1):
    """Random ratings, one for each user and item; times are multiples of ``grain``, so that many tie."""
    rng = np.random.default_rng(seed)
    keys = rng.choice(users * items, min(rows, users * items), replace=False)
    return pd.DataFrame(
        {
            "user_id": (keys // items).astype("int32"),
            "item_id": (keys % items).astype("int32"),
            "rating": (rng.integers(1, 11, len(keys)) / 2).astype("float32"),
            "ts": 1_600_000_000 + rng.integers(0, hours * 3600 // grain, len(keys)) * grain,
        }
    )


# The exact results


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("grain", [1, 60, 900, 3600])
def test_exact_trends_are_those_of_the_plain_computation(seed, grain):
    ratings = small_ratings(seed, grain=grain)
    expected = plain_trends(ratings)
    assert expected["peak"].max() > 1
    pd.testing.assert_frame_equal(
        exact_trends(ratings), expected, check_dtype=False, check_exact=False, rtol=0, atol=1e-7
    )


@pytest.mark.parametrize(
    ("times", "peak"),
    [
        ([0, WINDOW], 1),  # as long ago as the window reaches: in it
        ([0, WINDOW + 1], 0),  # a second longer: out
        ([0, 1], 1),
        ([5, 5, 5], 0),  # the same second is not before
        ([5, 5, 6], 2),
        ([0, 1, WINDOW, WINDOW + 1], 2),
        ([WINDOW + 1, 0, WINDOW, 1], 2),  # the rows' order does not matter
        ([7], 0),
    ],
)
def test_the_window_includes_its_far_end_and_excludes_the_present(times, peak):
    ratings = pd.DataFrame({"user_id": range(len(times)), "item_id": 3, "rating": 4.0, "ts": times})
    # Items whose numbers are neighbours, busy at every second: they must not leak into the window.
    busy = [
        {"user_id": 0, "item_id": item, "rating": 1.0, "ts": second}
        for item in (2, 4)
        for second in range(0, WINDOW + 2, 400)
    ]
    both = pd.concat([ratings, pd.DataFrame(busy)], ignore_index=True)
    found = exact_trends(both).set_index("item_id").loc[3]
    assert found["peak"] == plain_trends(ratings)["peak"].iloc[0] == peak
    assert np.isnan(found["spread"]) == (peak == 0)


def test_spread_is_the_population_deviation_of_the_window():
    # Windows: none; {1}; {1, 4}. Deviations: none; 0; 1.5. Their mean is 0.75.
    ratings = pd.DataFrame({"user_id": [1, 2, 3], "item_id": 9, "rating": [1.0, 4.0, 5.0], "ts": [0, 10, 20]})
    assert exact_trends(ratings)["spread"].tolist() == [0.75]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("support", [1, 3, 12])
def test_exact_pairs_are_those_of_the_plain_computation(seed, support):
    ratings = small_ratings(seed, rows=200)
    found = exact_pairs(ratings, support)
    pairs = zip(found["item_a"], found["item_b"], strict=True)
    assert not found.duplicated(["item_a", "item_b"]).any()
    expected = plain_pairs(ratings, support)
    assert dict(zip(pairs, found["users"], strict=True)) == expected
    assert expected


def test_a_pair_at_the_support_counts_and_one_below_it_does_not():
    rows = [(user, item) for user in range(SUPPORT) for item in (1, 2)]
    rows += [(100 + user, item) for user in range(SUPPORT - 1) for item in (3, 4)]
    ratings = pd.DataFrame(rows, columns=["user_id", "item_id"])
    assert exact_pairs(ratings, SUPPORT).to_numpy().tolist() == [[1, 2, SUPPORT]]


def test_data_without_a_single_pair_give_an_empty_table():
    ratings = pd.DataFrame({"user_id": [1, 2, 2], "item_id": [5, 5, 6]})
    assert exact_pairs(ratings, SUPPORT).empty
    nothing = pd.DataFrame({"item_a": [], "item_b": [], "users": []})
    assert quality(LAB, {"item_pairs": nothing}, ratings).ok


# What the check lets pass


@cache
def data():
    """A data set as the lab times it, with its exact results."""
    ratings = lab2_skew.make_data(1.0, 17, "main")
    return ratings, exact_trends(ratings), exact_pairs(ratings, SUPPORT)


def verdict(trends=None, pairs=None):
    ratings, right_trends, right_pairs = data()
    results = {
        "item_trends": right_trends if trends is None else trends,
        "item_pairs": right_pairs if pairs is None else pairs,
    }
    return quality(LAB, results, ratings)


def changed(table, column, change, row=0):
    """A copy in which one value is changed."""
    table = table.copy()
    table[column] = table[column].astype(object)
    table.loc[row, column] = change(table.loc[row, column])
    return table


def busiest(table, column):
    return int(table[column].to_numpy().argmax())


def test_right_results_pass_in_any_order_of_rows_and_columns_and_with_more_columns():
    _, trends, pairs = data()
    quality = verdict()
    assert quality.ok
    assert quality.values == {"trend_items_wrong": 0, "pair_error": 0}
    mixed = verdict(
        trends[trends.columns[::-1]].assign(note="x").sample(frac=1, random_state=1),
        pairs[pairs.columns[::-1]].assign(note="x").sample(frac=1, random_state=1),
    )
    assert mixed.ok
    assert mixed.values == quality.values


def test_numbers_of_other_types_pass():
    _, trends, pairs = data()
    as_decimal = trends.assign(peak=[Decimal(int(value)) for value in trends["peak"]])
    assert verdict(as_decimal, pairs.astype("int32")).ok


def test_rounding_of_the_spread_passes_and_a_real_difference_does_not():
    _, trends, _ = data()
    row = busiest(trends, "ratings")
    assert verdict(changed(trends, "spread", lambda value: value + 1e-9, row)).ok
    quality = verdict(changed(trends, "spread", lambda value: value + 1e-4, row))
    assert quality.broken == (f"item_trends: spread is wrong for 1 of {len(trends)} items",)
    assert quality.values["trend_items_wrong"] == 1


@pytest.mark.parametrize("column", ["ratings", "peak"])
def test_one_count_off_by_one_is_seen(column):
    _, trends, _ = data()
    for row in (0, busiest(trends, "ratings")):
        quality = verdict(changed(trends, column, lambda value: value + 1, row))
        assert quality.broken == (f"item_trends: ratings or peak is wrong for 1 of {len(trends)} items",)


def test_an_empty_spread_where_there_is_one_and_the_reverse_are_seen():
    _, trends, _ = data()
    empty, full = int(trends["spread"].isna().argmax()), busiest(trends, "ratings")
    assert np.isnan(trends["spread"][empty])
    assert not np.isnan(trends["spread"][full])
    for row, value in ((empty, 0.0), (full, None)):
        assert (
            "spread is wrong for 1"
            in verdict(changed(trends, "spread", lambda _, new=value: new, row)).broken[0]
        )


def test_a_missing_row_a_row_too_many_and_a_row_twice_are_seen():
    _, trends, _ = data()
    assert verdict(trends.iloc[1:]).broken == ("item_trends: 1 items are missing or too many",)
    stranger = pd.concat([trends, trends.iloc[:1].assign(item_id=10**6)])
    assert verdict(stranger).broken == ("item_trends: 1 items are missing or too many",)
    twice = pd.concat([trends, trends.iloc[:1]])
    assert verdict(twice).broken == ("item_trends: an item has more than one row",)
    assert not verdict(trends.iloc[:0]).ok


@pytest.mark.parametrize("column", ["item_id", "ratings", "peak", "spread"])
def test_a_missing_or_wordy_trend_column_is_named(column):
    _, trends, _ = data()
    missing = verdict(trends.drop(columns=column)).broken
    assert len(missing) == 1
    assert f"item_trends: the result has no column {column} (it has " in missing[0]
    wordy = verdict(changed(trends, column, lambda _: "many"))
    assert wordy.broken == (f"item_trends: column {column} holds something that is not a number",)


@pytest.mark.parametrize("column", ["item_a", "item_b", "users"])
def test_a_missing_or_wordy_pair_column_is_named_and_the_trends_are_judged_still(column):
    _, _, pairs = data()
    missing = verdict(pairs=pairs.drop(columns=column))
    assert len(missing.broken) == 1
    assert f"item_pairs: the result has no column {column} (it has " in missing.broken[0]
    assert missing.values == {"trend_items_wrong": 0}
    wordy = verdict(pairs=changed(pairs, column, lambda _: "many"))
    assert wordy.broken == (f"item_pairs: column {column} holds something that is not a number",)


def test_wrong_trends_do_not_hide_wrong_pairs():
    _, trends, pairs = data()
    both = verdict(trends.drop(columns="peak"), pairs.iloc[:0])
    assert [reason.split(":")[0] for reason in both.broken] == ["item_trends", "item_pairs"]


def test_a_pair_twice_turned_round_or_of_an_item_with_itself_is_seen():
    _, _, pairs = data()
    reason = ("item_pairs: a pair stands twice, or item_a is not smaller than item_b",)
    assert verdict(pairs=pd.concat([pairs, pairs.iloc[:1]])).broken == reason
    assert verdict(pairs=pairs.rename(columns={"item_a": "item_b", "item_b": "item_a"})).broken == reason
    assert verdict(pairs=changed(pairs, "item_b", lambda _: pairs["item_a"][0])).broken == reason


@pytest.mark.parametrize(
    ("factor", "ok"), [(1.04, True), (1.06, False), (0.96, True), (0.93, False), (2, False)]
)
def test_pair_counts_may_be_off_by_the_stated_share(factor, ok):
    _, _, pairs = data()
    quality = verdict(pairs=pairs.assign(users=pairs["users"] * factor))
    assert quality.ok == ok
    assert quality.values["pair_error"] == pytest.approx(abs(factor - 1), rel=0.15)


def test_missing_and_invented_heavy_pairs_count_as_errors():
    _, _, pairs = data()
    heavy = pairs[pairs["users"] >= 2 * SUPPORT].sort_values("users", ascending=False)
    few = heavy.iloc[: max(1, len(heavy) // 5)]
    missing = verdict(pairs=pairs.drop(few.index))
    assert missing.values["pair_error"] == pytest.approx(few["users"].sum() / heavy["users"].sum(), rel=1e-3)
    assert not missing.ok
    invented = verdict(pairs=pd.concat([pairs, few.assign(item_a=few["item_a"] - 10**6)]))
    assert invented.values["pair_error"] == missing.values["pair_error"]
    assert not invented.ok


def test_a_pair_near_the_support_may_drop_in_or_out():
    _, _, pairs = data()
    assert (pairs["users"] < 2 * SUPPORT).sum() > 50
    quality = verdict(pairs=pairs[pairs["users"] >= 2 * SUPPORT])
    assert quality.ok
    assert quality.values["pair_error"] == 0


def test_only_the_results_that_are_given_are_judged():
    ratings, trends, _ = data()
    assert quality(LAB, {"item_trends": trends}, ratings).values == {"trend_items_wrong": 0}
    assert quality(LAB, {}, ratings).values == {}


# Random sampling of heavy users


def sampled_pairs(ratings, most, seed):
    """The pairs when every basket of more than ``most`` items is cut to a random ``most`` of them."""
    mixed = ratings.sample(frac=1, random_state=seed)
    return exact_pairs(mixed[mixed.groupby("user_id").cumcount() < most], SUPPORT)


@pytest.mark.parametrize("variant", SPECS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sampled_baskets_of_200_items_pass_and_of_20_do_not(variant, seed):
    ratings = lab2_skew.make_data(1.0, seed, variant)
    right = quality(LAB, {"item_pairs": sampled_pairs(ratings, 200, seed)}, ratings)
    small = quality(LAB, {"item_pairs": sampled_pairs(ratings, 20, seed)}, ratings)
    assert right.ok
    assert 0 < right.values["pair_error"] < MAX_ERROR / 2
    assert small.values["pair_error"] > MAX_ERROR
    assert small.broken == (
        f"item_pairs: the counts are off by {small.values['pair_error']:.1%} of their sum; 5% is allowed",
    )
    # What makes the sample worth while: nearly all pairs were the heaviest users'.
    assert measured_skew(ratings)["top_user_pairs"] > 0.9


def test_half_of_the_users_is_too_small_a_sample_even_when_the_counts_are_doubled():
    ratings, _, _ = data()
    users = pd.Series(ratings["user_id"].unique()).sample(frac=0.5, random_state=1)
    half = exact_pairs(ratings[ratings["user_id"].isin(users)], SUPPORT // 2)
    assert not quality(LAB, {"item_pairs": half.assign(users=half["users"] * 2)}, ratings).ok


# The data


@pytest.mark.parametrize("variant", SPECS)
def test_the_labs_data_are_skewed_as_the_lab_says(variant):
    skew = measured_skew(lab2_skew.make_data(1.0, 5, variant))
    assert skew["hottest_item"] == pytest.approx(max(SPECS[variant].hot_items), abs=0.01)
    assert skew["heaviest_user"] == pytest.approx(
        max(SPECS[variant].hot_users) * SPECS[variant].items, rel=0.01
    )


def test_fresh_data_from_the_real_file_are_another_part_of_it_every_time():
    ratings = small_ratings(1)
    first, second = (lab2_skew.from_movielens(ratings, seed) for seed in (1, 2))
    assert len(first) == len(second) == round(0.98 * len(ratings))
    assert set(first.index) != set(second.index)
    assert not first.index.is_monotonic_increasing
    pd.testing.assert_frame_equal(first.sort_index(), ratings.loc[sorted(first.index)])
