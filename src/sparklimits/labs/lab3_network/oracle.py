"""What lab 3's functions must give, computed by NumPy and SciPy on the driver, and the checks."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from sparklimits.labs.checks import largest, missing_columns
from sparklimits.labs.lab3_network import kryo
from sparklimits.labs.lab3_network.data import Day, baskets
from sparklimits.measurement.lab import Quality

#: Largest allowed difference from the exact means (their spread is about 1).
TOLERANCE = 1e-3


#: Rows of wide arithmetic that the oracle does at once.
_CHUNK = 100_000


def exact_tastes(day: Day) -> pd.DataFrame:
    """What ``cohort_tastes`` must give: a product of matrices in double precision; a row a cohort, sorted."""
    cohorts, counts = np.unique(day.bought_cohort, return_counts=True)
    ones = np.ones(len(day.bought_item))
    often = sparse.csr_matrix((ones, (day.bought_cohort, day.bought_item)), (cohorts[-1] + 1, len(day.items)))
    means = (often @ day.items.astype(np.float64))[cohorts] / counts[:, None]
    return pd.DataFrame({"cohort": cohorts, "purchases": counts, "taste": list(means)})


def exact_scores(day: Day) -> pd.DataFrame:
    """What ``cohort_scores`` must give, by sums in double precision; one row for each cohort, sorted."""
    score = np.empty(len(day.viewed_item))
    for start in range(0, len(score), _CHUNK):
        part = slice(start, start + _CHUNK)
        pair = day.users[day.viewed_user[part]], day.items[day.viewed_item[part]]
        score[part] = np.einsum("ij,ij->i", *pair, dtype=np.float64)
    cohorts, counts = np.unique(day.viewed_cohort, return_counts=True)
    sums = np.bincount(day.viewed_cohort, score)[cohorts]
    return pd.DataFrame({"cohort": cohorts, "views": counts, "score": sums / counts})


def check_tastes(found: pd.DataFrame, day: Day) -> Quality:
    """Compares the tastes with the same means computed by SciPy on the driver."""
    exact = exact_tastes(day)
    if lacking := missing_columns("cohort_tastes", found, tuple(exact.columns)):
        return lacking
    width = day.items.shape[1]
    lengths = found["taste"].map(lambda taste: np.size(taste) if np.ndim(taste) == 1 else -1)
    if wrong := int((lengths != width).sum()):
        reason = f"taste is not a list of {width} numbers for {wrong} of {len(found)} rows"
        return Quality(broken=(f"cohort_tastes: {reason}",))
    return _compared("cohort_tastes", _one_column_each(found), _one_column_each(exact))


def _one_column_each(tastes: pd.DataFrame) -> pd.DataFrame:
    """The table with the numbers of ``taste`` as columns ``v0``, ``v1``, …"""
    numbers = pd.DataFrame(tastes["taste"].tolist(), index=tastes.index).add_prefix("v")
    return pd.concat([tastes[["cohort", "purchases"]], numbers], axis=1)


def check_scores(found: pd.DataFrame, day: Day) -> Quality:
    """Compares the scores with the same means computed by NumPy on the driver."""
    return _compared("cohort_scores", found, exact_scores(day))


def check_similarities(found: pd.DataFrame, day: Day) -> Quality:
    """Compares what came out under ``kryo_settings`` with the similarities computed by NumPy."""
    return Quality(broken=tuple(kryo.differences(found, baskets(day))))


def _compared(name: str, table: pd.DataFrame, exact: pd.DataFrame) -> Quality:
    if lacking := missing_columns(name, table, tuple(exact.columns)):
        return lacking
    found = table[list(exact.columns)].apply(pd.to_numeric, errors="coerce")
    found = found.sort_values("cohort").reset_index(drop=True)
    if not found["cohort"].equals(exact["cohort"].astype(found["cohort"].dtype)):
        reason = f"{len(exact)} cohorts must have one row each; the result has {len(found)} rows"
        return Quality(broken=(f"{name}: {reason}",))
    count, *means = exact.columns[1:]
    broken = []
    if wrong := int((found[count] != exact[count]).sum()):
        broken.append(f"{name}: {count} is wrong for {wrong} of {len(exact)} cohorts")
    apart = largest(found[means] - exact[means])
    if apart > TOLERANCE:
        what = means[0] if len(means) == 1 else f"{means[0]} … {means[-1]}"
        broken.append(f"{name}: {what} is off by up to {apart:.2g}; {TOLERANCE:g} is allowed")
    return Quality({f"{name}_error": float(f"{apart:.3g}")}, tuple(broken))
