"""What lab 0's model must come to, computed by NumPy, and the checks of all three functions."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparklimits.labs.lab0_measuring.data import Course
from sparklimits.labs.lab0_measuring.naive import DEGREE, LABEL, PENALTY
from sparklimits.measurement.lab import Quality

#: Largest allowed difference, in minutes, from what the exact model says about a visit.
TOLERANCE = 0.01


def check_fit(found: pd.DataFrame, course: Course) -> Quality:
    """Compares the fitted model with the exact one, computed by NumPy on the driver."""
    exact = exact_weights(course.visits)
    if "weight" not in found.columns or len(found) != len(exact):
        return Quality(
            broken=(f"fit_in_parallel: the result must have {len(exact):,} rows with a column weight",)
        )
    weights = pd.to_numeric(found["weight"], errors="coerce").to_numpy(np.float64)
    some = _features(course.visits[:5_000])
    apart = float(np.abs(some @ (weights - exact)[:-1] + (weights - exact)[-1]).max())
    values = {"minutes_apart": round(apart, 6)}
    if apart <= TOLERANCE:
        return Quality(values)
    reason = f"{apart:.3f} minutes more or less than the exact one; {TOLERANCE} is allowed"
    return Quality(values, (f"fit_in_parallel: for a visit the model says {reason}",))


def check_answers(found: pd.DataFrame, course: Course) -> Quality:
    """The answers of the other two functions are counted, not checked: wrong ones cost marks, one by one."""
    return Quality()


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
