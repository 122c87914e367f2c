"""What lab 1's functions must give, computed by NumPy on the driver, and the checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparklimits.labs.checks import missing_columns
from sparklimits.labs.lab1_memory.naive import HISTORY, LOOK_BACK, PENALTIES
from sparklimits.measurement.lab import Quality

#: Largest allowed difference of an error (root mean square, in stars) from the exact one.
TOLERANCE = 1e-3


def exact_errors(ratings: pd.DataFrame) -> NDArray[np.float64]:
    """What ``compare_models`` must give, for each of ``PENALTIES``: ridge regression by its normal equations.

    Spark penalises the weights of standardised features, and divides the penalty by the label's standard
    deviation, as glmnet does (the comment in ``WeightedLeastSquares.scala`` derives it).
    """
    table = ratings.reset_index(drop=True)
    columns = [
        column
        for who, other in (("user_id", "item_id"), ("item_id", "user_id"))
        for column in _looking_back(table, who, other)
    ]
    x = np.column_stack(columns)
    y = table["rating"].to_numpy(np.float64)
    tested = (table["ts"] % 5 == 0).to_numpy()
    x_train, y_train = x[~tested], y[~tested]
    centre, scale = x_train.mean(axis=0), x_train.std(axis=0, ddof=1)
    scale[scale == 0] = 1.0
    z = (x_train - centre) / scale
    gram, moment = z.T @ z / len(z), z.T @ (y_train - y_train.mean()) / len(z)
    errors = []
    for penalty in PENALTIES:
        weights = np.linalg.solve(gram + penalty / y_train.std(ddof=1) * np.eye(len(gram)), moment)
        guess = (x[tested] - centre) / scale @ weights + y_train.mean()
        errors.append(np.sqrt(np.mean((guess - y[tested]) ** 2)))
    return np.array(errors)


def exact_examples(ratings: pd.DataFrame) -> pd.DataFrame:
    """What ``digest`` must give of ``training_examples``, sorted by time, user and item."""
    table = ratings.sort_values(["user_id", "ts", "item_id"], ignore_index=True)
    item = table["item_id"].to_numpy(np.int64)
    place = np.arange(len(table))
    first = _starts(table["user_id"].to_numpy())
    oldest = np.maximum(first, place - HISTORY)
    largest = (
        pd.Series(item)
        .groupby(first)
        .transform(lambda items: items.shift().rolling(HISTORY, min_periods=1).max())
    )
    empty = oldest == place
    return pd.DataFrame(
        {
            "user_id": table["user_id"], "item_id": item, "ts": table["ts"], "length": place - oldest,
            "oldest": np.where(empty, np.nan, item[oldest]),
            "newest": np.where(empty, np.nan, item[place - 1]),
            "largest": largest,
        }
    ).sort_values(["ts", "user_id", "item_id"], ignore_index=True)  # fmt: skip


def _starts(sorted_keys: NDArray[Any]) -> NDArray[np.int64]:
    """For each row of a sorted table, where its key's rows begin."""
    new = np.concatenate([[True], sorted_keys[1:] != sorted_keys[:-1]])
    return np.maximum.accumulate(np.where(new, np.arange(len(new)), 0))


def _looking_back(table: pd.DataFrame, who: str, other: str) -> list[NDArray[np.float64]]:
    """Mean, deviation, count and last of the ratings before, for each row of the table, from running sums."""
    order = table.sort_values([who, "ts", other]).index.to_numpy()
    rating = table["rating"].to_numpy(np.float64)[order]
    place = np.arange(len(rating))
    left = np.maximum(_starts(table[who].to_numpy()[order]), place - LOOK_BACK)
    count = place - left
    sums, squares = (np.concatenate([[0.0], np.cumsum(rating**power)]) for power in (1, 2))
    some = np.maximum(count, 1)
    mean = (sums[place] - sums[left]) / some
    deviation = np.sqrt(np.maximum((squares[place] - squares[left]) / some - mean**2, 0.0))
    last = np.where(count > 0, rating[place - 1], 0.0)
    found = []
    for column in (mean, deviation, count.astype(np.float64), last):
        back = np.empty_like(column)
        back[order] = column
        found.append(back)
    return found


def check_errors(found: pd.DataFrame, ratings: pd.DataFrame) -> Quality:
    """Compares the errors of ``compare_models`` with the exact ones, and asks what it left in memory."""
    name = "compare_models"
    if not {"penalty", "rmse"} <= set(found.columns):
        return Quality(broken=(f"{name}: the result must have the columns penalty and rmse",))
    numbers = found[["penalty", "rmse"]].apply(pd.to_numeric, errors="coerce")
    if len(numbers) != len(PENALTIES) or not np.allclose(np.sort(numbers["penalty"]), PENALTIES):
        wanted = ", ".join(map(str, PENALTIES))
        return Quality(broken=(f"{name}: one row is wanted for each penalty of {wanted}",))
    apart = float(np.abs(numbers.sort_values("penalty")["rmse"].to_numpy() - exact_errors(ratings)).max())
    broken = []
    if not apart <= TOLERANCE:
        broken.append(
            f"{name}: an error differs from the exact one by {apart:.4f} stars; {TOLERANCE} is allowed"
        )
    if kept := found.attrs.get("kept", 0):
        broken.append(
            f"{name}: {kept} table(s) are still kept when the function returns; call unpersist() on what you persisted"
        )
    return Quality({"rmse_difference": round(apart, 6)}, tuple(broken))


def check_examples(found: pd.DataFrame, ratings: pd.DataFrame) -> Quality:
    """Compares what :func:`sparklimits.labs.lab1_memory.naive.digest` says of the examples with what it must say."""
    name, exact = "training_examples", exact_examples(ratings)
    if lacking := missing_columns(name, found, ("partition", *exact.columns)):
        return lacking
    if len(found) != len(exact):
        return Quality(broken=(f"{name}: {len(found):,} examples came out of {len(exact):,} ratings",))
    broken = []
    if not found.groupby("partition")["ts"].is_monotonic_increasing.all():
        broken.append(f"{name}: in a partition the examples are not in the order of time")
    ordered = found.sort_values(["ts", "user_id", "item_id"], ignore_index=True)
    for column in exact.columns:
        pair = (ordered[column].to_numpy(np.float64), exact[column].to_numpy(np.float64))
        if wrong := int((~np.isclose(*pair, rtol=0, atol=0, equal_nan=True)).sum()):
            broken.append(f"{name}: {column} is wrong in {wrong:,} examples")
    return Quality(broken=tuple(broken))
