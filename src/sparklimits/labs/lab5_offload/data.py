"""The clicks of lab 5: what is trained on, and what is held out. Nothing here uses Spark or PyTorch."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sparklimits.datasets.clicks import (
    CATEGORIES,
    LABEL,
    NUMBERS,
    ClicksSpec,
    generate,
    probabilities,
    write_parquet,
)
from sparklimits.labs.oracles import fit_lbfgs, mlp_probabilities, scores

#: Ids of the categories are in 0 … ``BUCKETS`` − 1; the networks of :mod:`sparklimits.offload` know the same number.
BUCKETS = 32_768


#: Values of each category that become a feature of their own; one category has three values only.
FREQUENT = 4


WIDTH = len(NUMBERS) + len(CATEGORIES) * FREQUENT - 1


#: The network that is trained in both ways: its features, one hidden layer, two outputs.
SIZES = (WIDTH, 32, 2)


#: Iterations of MLlib's optimiser: fewer than its default of 100. On these clicks the held-out loss is lowest near 80.
ITERATIONS = 70


#: Subtracted from the logarithm of one plus a number, so that most features lie around zero.
CENTRE = 1.2


HELD_OUT_SHARE = 0.4


RANK = 8


HIDDEN = (64, 32)


#: For each variant: what is generated, and in which world.
SPECS = {
    "main": (ClicksSpec(rows=36_000, exponent=1.8, weights=0.6, meetings=1.8), 0),
    # Another truth, other values, more clicks among the impressions.
    "other": (ClicksSpec(rows=35_000, rate=0.35, exponent=1.9, weights=0.5, meetings=1.6), 5),
}


Arrays = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class ClickData:
    """One data set.

    ``vocabulary`` holds the most frequent values of each category, ``weights`` the parameters of a DeepFM by name,
    ``best`` the true probability of a click for each row of ``held_out``.
    """

    train: pd.DataFrame
    held_out: pd.DataFrame
    best: NDArray[np.float64]
    vocabulary: dict[str, list[str]]
    weights: Arrays

    @cached_property
    def target(self) -> tuple[float, float]:
        """Held-out log loss and AUC of an independent L-BFGS, as long as MLlib's, on the same rows."""
        weights = fit_lbfgs(dense(self.train, self.vocabulary), labels_of(self.train), SIZES, ITERATIONS)
        found = mlp_probabilities(weights, dense(self.held_out, self.vocabulary), SIZES)
        return scores(found, labels_of(self.held_out))


def make_data(scale: float, seed: int, variant: str) -> ClickData:
    """Fresh clicks; ``variant`` is a key of ``SPECS``.

    A smaller scale leaves five sixths of the rows all the same: on fewer, MLlib's iterations learn the rows by
    heart, and no quality rule makes sense.
    """
    spec, world = SPECS[variant]
    spec = spec.scaled(max(5 / 6, scale))
    other = replace(spec, rows=round(spec.rows * HELD_OUT_SHARE))
    train, held_out = generate(spec, seed, world, turn=seed), generate(other, seed + 1, world, turn=seed)
    vocabulary = {name: train[name].value_counts().index[:FREQUENT].tolist() for name in CATEGORIES}
    best = probabilities(held_out, other, world, turn=seed)
    return ClickData(train, held_out, best, vocabulary, _some_deepfm(np.random.default_rng(seed)))


def write_data(data: ClickData, folder: Path) -> Path:
    """Writes both tables, with a number for each ``row``, and the rest under the new folder, and returns it."""
    for name, clicks in (("train", data.train), ("held_out", data.held_out)):
        first = 0
        for path in sorted(write_parquet(clicks, folder / name, files=2).glob("*.parquet")):
            table = pq.read_table(path)
            numbers = pa.array(np.arange(first, first + len(table)))
            pq.write_table(table.append_column("row", numbers), path)
            first += len(table)
    (folder / "vocabulary.json").write_text(json.dumps(data.vocabulary))
    np.savez(folder / "weights.npz", **data.weights)  # type: ignore[arg-type]
    return folder


def read_extras(folder: Path) -> tuple[dict[str, list[str]], Arrays]:
    """The vocabulary, and the parameters of the DeepFM."""
    with np.load(folder / "weights.npz") as weights:
        return json.loads((folder / "vocabulary.json").read_text()), dict(weights)


def labels_of(clicks: pd.DataFrame) -> NDArray[np.float64]:
    """1 where there was a click, else 0."""
    return clicks[LABEL].to_numpy(np.float64)


def dense(clicks: pd.DataFrame, vocabulary: Mapping[str, Sequence[str]]) -> NDArray[np.float32]:
    """The features of MLlib's network, ``[rows, WIDTH]``: the numbers, then a 1 for each frequent value."""
    hot = [clicks[name].eq(value).fillna(False) for name, values in vocabulary.items() for value in values]
    return np.column_stack([_numbers(clicks), *(column.to_numpy(np.float32) for column in hot)])


def fields(clicks: pd.DataFrame) -> NDArray[np.float32]:
    """What a DeepFM reads, ``[rows, 39]``: the ids of the categories, then the numbers."""
    ids = np.empty((len(clicks), len(CATEGORIES)), np.float32)
    for place, name in enumerate(CATEGORIES):
        codes, values = pd.factorize(clicks[name].astype(object).fillna(""))
        hashes = [zlib.crc32(f"{name}={value}".encode()) % BUCKETS for value in values]
        ids[:, place] = np.array(hashes, np.float32)[codes]
    return np.column_stack([ids, _numbers(clicks)])


def _numbers(clicks: pd.DataFrame) -> NDArray[np.float32]:
    counts = clicks[list(NUMBERS)].astype("Float64").to_numpy(np.float64, na_value=np.nan)
    return np.nan_to_num(np.log1p(np.maximum(counts, 0.0)) - CENTRE).astype(np.float32)


def _some_deepfm(rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Parameters as of a trained DeepFM: its probabilities are spread over the whole range."""
    widths = (len(CATEGORIES) * RANK + len(NUMBERS), *HIDDEN, 1)
    shapes = {
        "id_weights.weight": (BUCKETS, 1), "number_weights.weight": (1, len(NUMBERS)), "number_weights.bias": (1,),
        "id_vectors.weight": (BUCKETS, RANK), "number_vectors": (len(NUMBERS), RANK),
    }  # fmt: skip
    for place, (width, following) in enumerate(pairwise(widths)):
        shapes |= {f"deep.{2 * place}.weight": (following, width), f"deep.{2 * place}.bias": (following,)}
    return {name: rng.normal(scale=0.1, size=shape).astype(np.float32) for name, shape in shapes.items()}
