"""What lab 2's functions must give, computed by NumPy and SciPy on the driver, and the checks."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from sparklimits.labs.checks import numbers
from sparklimits.labs.lab2_skew.naive import SUPPORT, WINDOW
from sparklimits.measurement.lab import Quality

#: Largest allowed error of the pair counts, as a share of all counts of twice the support or more.
MAX_ERROR = 0.05


def exact_trends(ratings: pd.DataFrame) -> pd.DataFrame:
    """What ``item_trends`` must give, from sorted arrays and running sums; one row for each item, sorted."""
    table = ratings.sort_values(["item_id", "ts"], kind="stable")
    item = table["item_id"].to_numpy(np.int64)
    start = table["ts"].min()
    span = int(table["ts"].max() - start) + WINDOW + 1
    # One increasing key for (item, time): the rows of another item are always out of the window's reach.
    key = item * span + (table["ts"].to_numpy() - start)
    left = np.searchsorted(key, np.maximum(key - WINDOW, item * span), side="left")
    right = np.searchsorted(key, key, side="left")
    rating = table["rating"].to_numpy(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(rating)])
    squares = np.concatenate([[0.0], np.cumsum(rating**2)])
    count = right - left
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (sums[right] - sums[left]) / count
        variance = (squares[right] - squares[left]) / count - mean**2
    # Halves are exact in binary, so the sums are; only the subtraction can leave a tiny negative.
    deviation = np.where(count > 0, np.sqrt(np.maximum(variance, 0.0)), np.nan)
    frame = pd.DataFrame({"item_id": item, "recent": count, "deviation": deviation})
    return (
        frame.groupby("item_id")
        .agg(ratings=("recent", "size"), peak=("recent", "max"), spread=("deviation", "mean"))
        .reset_index()
    )


def exact_pairs(ratings: pd.DataFrame, support: int) -> pd.DataFrame:
    """All pairs of items that at least ``support`` users rated: ``item_a``, ``item_b``, ``users``.

    The product of the users-by-items matrix with itself, over the items that have enough ratings to matter.
    """
    counts = ratings["item_id"].value_counts()
    known = np.sort(counts.index[counts >= support].to_numpy())
    kept = ratings[ratings["item_id"].isin(known)]
    user = pd.factorize(kept["user_id"])[0]
    item = np.searchsorted(known, kept["item_id"].to_numpy())
    matrix = sparse.csr_matrix(
        (np.ones(len(kept), np.int32), (user, item)), shape=(kept["user_id"].nunique(), len(known))
    )
    together = sparse.triu(matrix.T @ matrix, k=1).tocoo()
    enough = together.data >= support
    return pd.DataFrame(
        {
            "item_a": known[together.row[enough]],
            "item_b": known[together.col[enough]],
            "users": together.data[enough],
        }
    )


def check_trends(result: pd.DataFrame, ratings: pd.DataFrame) -> Quality:
    """Compares every item's trend with the exact one."""
    name = "item_trends"
    found = numbers(name, result, ("item_id", "ratings", "peak", "spread"))
    if isinstance(found, Quality):
        return found
    if found["item_id"].duplicated().any():
        return Quality(broken=(f"{name}: an item has more than one row",))
    exact = exact_trends(ratings)
    both = exact.merge(found, on="item_id", how="outer", suffixes=("", "_found"), indicator=True)
    matched = both["_merge"] == "both"
    missing = int((~matched).sum())
    counts = (both["ratings"] != both["ratings_found"]) | (both["peak"] != both["peak_found"])
    wrong_counts = int(counts[matched].sum())
    apart = (both["spread"] - both["spread_found"].astype(float)).abs().fillna(0.0)
    one_empty = both["spread"].isna() != both["spread_found"].isna()
    wrong_spread = int(((apart > 1e-6) | one_empty)[matched].sum())
    broken = []
    if missing:
        broken.append(f"{name}: {missing} items are missing or too many")
    if wrong_counts:
        broken.append(f"{name}: ratings or peak is wrong for {wrong_counts} of {len(exact)} items")
    if wrong_spread:
        broken.append(f"{name}: spread is wrong for {wrong_spread} of {len(exact)} items")
    return Quality({"trend_items_wrong": float(missing + max(wrong_counts, wrong_spread))}, tuple(broken))


def check_pairs(result: pd.DataFrame, ratings: pd.DataFrame) -> Quality:
    """Compares the counts of pairs well above the support with the exact ones, as a share of their sum."""
    name, keys = "item_pairs", ["item_a", "item_b"]
    found = numbers(name, result, (*keys, "users"))
    if isinstance(found, Quality):
        return found
    if found.duplicated(keys).any() or (found["item_a"] >= found["item_b"]).any():
        return Quality(broken=(f"{name}: a pair stands twice, or item_a is not smaller than item_b",))
    floor = 2 * SUPPORT
    exact = exact_pairs(ratings, SUPPORT)
    both = exact.merge(found, on=keys, how="outer", suffixes=("", "_found")).fillna(0)
    # Near the support a pair may drop in or out by chance; the rule looks at pairs well above it.
    solid = both[(both["users"] >= floor) | (both["users_found"] >= floor)]
    total = float(solid["users"].sum())
    error = float((solid["users"] - solid["users_found"]).abs().sum()) / max(total, 1.0)
    values = {"pair_error": round(error, 5)}
    if error <= MAX_ERROR:
        return Quality(values)
    reason = f"the counts are off by {error:.1%} of their sum; {MAX_ERROR:.0%} is allowed"
    return Quality(values, (f"{name}: {reason}",))
