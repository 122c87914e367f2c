"""A seeded generator of clicks in Criteo's format, with power-law categories and a click probability that is known.

A *world* is the hidden truth: the logit of a click is a bias, plus a weight for each category value, plus a weight
for each number, plus the inner products of hidden vectors of some category values, which is a factorization machine
(Rendle, "Factorization Machines", ICDM 2010). The truth being known, so is the best score that any model can reach.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, xlogy

from sparklimits.datasets.parts import write_parts

LABEL = "label"
NUMBERS = tuple(f"i{number}" for number in range(1, 14))
CATEGORIES = tuple(f"c{number}" for number in range(1, 27))
COLUMNS = (LABEL, *NUMBERS, *CATEGORIES)
#: How the columns lie in Parquet files, in memory of Spark, and in what the loader gives.
SCHEMA = pa.schema(
    [
        (LABEL, pa.int8()),
        *((name, pa.int32()) for name in NUMBERS),
        *((name, pa.string()) for name in CATEGORIES),
    ]
)
#: Values of each category: few in some columns, very many in others, as in Criteo's files.
_SIZES = (
    40, 300, 8000, 4000, 60, 12, 2000, 120, 3, 3000, 1500, 9000, 1000, 25, 2500, 7000, 10, 900, 700, 4, 6000, 15, 14,
    5000, 50, 3500,
)  # fmt: skip
#: The columns whose hidden vectors meet: small ones, so that a model can learn them from a lab's rows.
_MEETING = (0, 4, 5, 7, 13, 16, 21, 24)
_RANK = 3
_CALIBRATION_ROWS = 20_000


@dataclass(frozen=True)
class ClicksSpec:
    """What to generate.

    ``rate`` is the share of clicks; ``exponent`` that of the power law of every category. ``weights``, ``numbers``
    and ``meetings`` are the standard deviations, over rows, of the three parts of the logit.
    """

    rows: int
    rate: float = 0.25
    exponent: float = 1.05
    weights: float = 0.9
    numbers: float = 0.5
    meetings: float = 0.9

    def scaled(self, factor: float) -> ClicksSpec:
        """The same world with ``factor`` times the rows.

        Raises:
            ValueError: fewer than 100 rows are left.
        """
        rows = round(self.rows * factor)
        if rows < 100:
            raise ValueError(f"{rows} clicks are too few")
        return replace(self, rows=rows)


@dataclass(frozen=True)
class _World:
    """The hidden truth: a table of values for each category, their weights and vectors, the numbers' weights."""

    values: tuple[NDArray[np.object_], ...]
    popularity: tuple[NDArray[np.float64], ...]
    weights: tuple[NDArray[np.float64], ...]
    vectors: dict[int, NDArray[np.float64]]
    number_weights: NDArray[np.float64]
    missing: NDArray[np.float64]
    scales: tuple[float, ...]
    bias: float


def generate(spec: ClicksSpec, seed: int, world: int = 0, turn: int | None = None) -> pd.DataFrame:
    """``spec.rows`` clicks: ``label`` (0 or 1), ``i1`` … ``i13`` (counts, some missing), ``c1`` … ``c26``.

    The categories are eight hexadecimal digits, as pandas categories; a missing one is a missing value. The same
    seed gives the same rows; rows of different seeds share the truth of their ``world``. With a ``turn`` the weights of
    each category and of each number have a sign that is drawn from it: as much can be learned, and what was learned
    with another turn is of no use.
    """
    truth = _world(spec, world, turn)
    rng = np.random.default_rng([seed, 0xC11C])
    codes, counts = _draw(truth, rng, spec.rows)
    clicked = rng.random(spec.rows) < expit(_logit(truth, codes, counts))
    columns: dict[str, object] = {LABEL: clicked.astype(np.int8)}
    for place, name in enumerate(NUMBERS):
        columns[name] = pd.array(counts[:, place], dtype="Int32")
        columns[name][np.isnan(counts[:, place])] = pd.NA  # type: ignore[index]
    for place, name in enumerate(CATEGORIES):
        columns[name] = pd.Categorical.from_codes(codes[:, place], truth.values[place])
    return pd.DataFrame(columns)


def probabilities(
    clicks: pd.DataFrame, spec: ClicksSpec, world: int = 0, turn: int | None = None
) -> NDArray[np.float64]:
    """The true probability of a click for each row, whatever its label says.

    Raises:
        ValueError: a category value that this world does not have.
    """
    truth = _world(spec, world, turn)
    codes = np.empty((len(clicks), len(CATEGORIES)), np.int64)
    for place, name in enumerate(CATEGORIES):
        codes[:, place] = pd.Categorical(clicks[name], categories=truth.values[place]).codes
        if ((codes[:, place] < 0) & clicks[name].notna().to_numpy()).any():
            raise ValueError(f"{name} holds values that world {world} does not have")
    counts = clicks[list(NUMBERS)].astype("Float64").to_numpy(np.float64, na_value=np.nan)
    return expit(_logit(truth, codes, counts))


def best_auc(probability: NDArray[np.float64]) -> float:
    """The AUC that the true probabilities reach on average over labels drawn from them: no model does better.

    The share of pairs (one click, one not) that are in the right order, each pair weighted by its probability.
    """
    ordered = np.sort(probability)
    not_clicked = np.concatenate([[0.0], np.cumsum(1 - ordered)])
    wins = (ordered * (not_clicked[:-1] + 0.5 * (1 - ordered))).sum()
    itself = 0.5 * (ordered * (1 - ordered)).sum()  # a row is no pair with itself
    pairs = ordered.sum() * (1 - ordered).sum() - (ordered * (1 - ordered)).sum()
    return float((wins - itself) / pairs)


def best_logloss(probability: NDArray[np.float64]) -> float:
    """The mean entropy of the labels, in nats: the log loss that the true probabilities reach on average."""
    return float(-(xlogy(probability, probability) + xlogy(1 - probability, 1 - probability)).mean())


def measured(clicks: pd.DataFrame) -> dict[str, float]:
    """The figures that a data card states: rows, share of clicks, distinct values, skew, missing values.

    ``top_values``: the share of its column's rows that the top 1 % of the values own, in the largest column.
    """
    counts = {name: clicks[name].value_counts().to_numpy() for name in CATEGORIES}
    counts = {name: found[found > 0] for name, found in counts.items()}
    largest = max(counts.values(), key=len)
    return {
        "clicks": float(len(clicks)),
        "rate": float(clicks[LABEL].mean()),
        "values": float(sum(map(len, counts.values()))),
        "top_values": float(largest[: max(1, len(largest) // 100)].sum() / largest.sum()),
        "missing": float(clicks[[*NUMBERS, *CATEGORIES]].isna().to_numpy().mean()),
    }


def hashed(clicks: pd.DataFrame, buckets: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """What a model reads: ids of the categories, int64 ``[rows, 26]``, and numbers, float32 ``[rows, 13]``.

    An id is in 0 … ``buckets`` − 1, shared by all columns: the column's name is part of what is hashed, and so is
    "missing" (Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009). A number becomes
    log(1 + max(number, 0)); a missing one 0.
    """
    ids = np.empty((len(clicks), len(CATEGORIES)), np.int64)
    for place, name in enumerate(CATEGORIES):
        column = (
            clicks[name]
            if isinstance(clicks[name].dtype, pd.CategoricalDtype)
            else clicks[name].astype("category")
        )
        texts = np.array([*(f"{name}={text}" for text in column.cat.categories), f"{name}="], dtype=object)
        places = pd.util.hash_array(texts, categorize=False) % np.uint64(buckets)
        ids[:, place] = places.astype(np.int64)[
            column.cat.codes.to_numpy()
        ]  # the code of a missing value is -1
    counts = clicks[list(NUMBERS)].astype("Float32").to_numpy(np.float32, na_value=0.0)
    return ids, np.log1p(np.maximum(counts, 0.0)).astype(np.float32)


def write_parquet(clicks: pd.DataFrame, folder: Path, files: int = 8) -> Path:
    """Writes the clicks as ``files`` Parquet files into the new folder, and returns it."""
    plain = clicks.astype(dict.fromkeys(CATEGORIES, object))
    return write_parts(pa.Table.from_pandas(plain, schema=SCHEMA, preserve_index=False), folder, files)


@lru_cache(maxsize=4)
def _world(spec: ClicksSpec, world: int, turn: int | None) -> _World:
    return _made(replace(spec, rows=_CALIBRATION_ROWS), world, turn)


@lru_cache(maxsize=4)
def _made(spec: ClicksSpec, world: int, turn: int | None) -> _World:
    rng = np.random.default_rng([world, 0x7507])
    values, popularity, weights = [], [], []
    for place, size in enumerate(_SIZES):
        # Odd multiples give each value of each column its own eight digits.
        digits = (np.arange(size, dtype=np.uint64) * 2_654_435_761 + place * 40_503 + 977 * world) % 2**32
        values.append(np.array([f"{digit:08x}" for digit in digits], dtype=object))
        share = np.arange(1, size + 1) ** -spec.exponent
        popularity.append(np.cumsum(share / share.sum()))
        weights.append(rng.normal(size=size))
    vectors = {place: rng.normal(size=(_SIZES[place], _RANK)) for place in _MEETING}
    number_weights = rng.normal(size=len(NUMBERS))
    if turn is not None:
        signs = np.random.default_rng([turn, 0x7512]).choice([-1.0, 1.0], size=len(_SIZES) + len(NUMBERS))
        weights = [sign * table for sign, table in zip(signs, weights, strict=False)]
        number_weights = signs[len(_SIZES) :] * number_weights
    missing = rng.choice([0.0, 0.05, 0.2, 0.4], size=len(NUMBERS) + len(CATEGORIES), p=[0.5, 0.2, 0.2, 0.1])
    truth = _World(
        tuple(values),
        tuple(popularity),
        tuple(weights),
        vectors,
        number_weights,
        missing,
        (1.0, 1.0, 1.0),
        0.0,
    )
    codes, counts = _draw(truth, rng, spec.rows)
    parts = _parts(truth, codes, counts)
    wanted = (spec.weights, spec.numbers, spec.meetings)
    scales = tuple(float(want / part.std()) for want, part in zip(wanted, parts, strict=True))
    logit = np.column_stack(parts) @ np.array(scales)
    bias = brentq(lambda bias: float(expit(bias + logit).mean()) - spec.rate, -30, 30)
    return replace(truth, scales=scales, bias=float(bias))


def _draw(
    truth: _World, rng: np.random.Generator, rows: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Codes of the categories, −1 for a missing one, and the numbers, NaN for a missing one."""
    codes = np.empty((rows, len(CATEGORIES)), np.int64)
    for place, cumulated in enumerate(truth.popularity):
        codes[:, place] = np.minimum(np.searchsorted(cumulated, rng.random(rows)), len(cumulated) - 1)
    counts = np.floor(np.exp(rng.normal(1.0, 1.2, size=(rows, len(NUMBERS)))))
    counts[rng.random(counts.shape) < truth.missing[: len(NUMBERS)]] = np.nan
    codes[rng.random(codes.shape) < truth.missing[len(NUMBERS) :]] = -1
    return codes, counts


def _logit(truth: _World, codes: NDArray[np.int64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    parts = _parts(truth, codes, counts)
    return truth.bias + np.column_stack(parts) @ np.array(truth.scales)


def _parts(
    truth: _World, codes: NDArray[np.int64], counts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The three parts of the logit before scaling; a missing value adds nothing."""
    weights = np.zeros(len(codes))
    for place, table in enumerate(truth.weights):
        weights += np.append(table, 0.0)[codes[:, place]]  # code -1 is the last one
    numbers = np.nan_to_num(np.log1p(counts)) @ truth.number_weights
    total = np.zeros((len(codes), _RANK))
    squares = np.zeros(len(codes))
    for place, table in truth.vectors.items():
        vectors = np.vstack([table, np.zeros(_RANK)])[codes[:, place]]
        total += vectors
        squares += (vectors**2).sum(axis=1)
    # Half of the square of the sum less the sum of the squares is the sum over all pairs (Rendle, lemma 3.1).
    return weights, numbers, ((total**2).sum(axis=1) - squares) / 2
