"""The clicks of lab 5: what is trained on, what is held out, and the check of a result, in NumPy and SciPy.

Nothing here uses Spark or PyTorch, so that it can judge both.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from scipy.stats import rankdata

from sparklimits.datasets.clicks import (
    CATEGORIES,
    LABEL,
    NUMBERS,
    ClicksSpec,
    generate,
    probabilities,
    write_parquet,
)
from sparklimits.labs.base import Quality

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
#: How much worse than that of an independent L-BFGS the held-out log loss (nats) and AUC may be. Two trainings of this
#: network that differ only in where they start end up to 0.01 apart; a linear model is 0.05 away.
TOLERANCE = 0.02
#: Largest allowed difference of a probability from the exact one: float32 against float64.
MAX_ERROR = 1e-3
HELD_OUT_SHARE = 0.4
RANK, HIDDEN = 8, (64, 32)

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
    train, held_out = generate(spec, seed, world), generate(other, seed + 1, world)
    vocabulary = {name: train[name].value_counts().index[:FREQUENT].tolist() for name in CATEGORIES}
    best = probabilities(held_out, other, world)
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


def scores(probability: NDArray[np.float64], labels: NDArray[np.float64]) -> tuple[float, float]:
    """Log loss (nats) and AUC. A probability of exactly 0 or 1 counts as one in 10^7 away from it."""
    probability = np.clip(probability, 1e-7, 1 - 1e-7)
    loss = -np.where(labels == 1, np.log(probability), np.log1p(-probability)).mean()
    clicks, others = labels.sum(), (1 - labels).sum()
    wins = rankdata(probability)[labels == 1].sum() - clicks * (clicks + 1) / 2
    return float(loss), float(wins / (clicks * others))


def unpacked(weights: NDArray[Any], sizes: Sequence[int]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """The flat parameters of a network, layer by layer: the matrix ``[outputs, inputs]``, and the bias."""
    layers, start = [], 0
    for width, following in pairwise(sizes):
        bias = start + width * following
        layers.append((weights[start:bias].reshape(following, width), weights[bias : bias + following]))
        start = bias + following
    return layers


def mlp_probabilities(
    weights: NDArray[np.float64], features: NDArray[np.float32], sizes: Sequence[int]
) -> NDArray[np.float64]:
    """The probabilities of a click by a network's flat parameters, in float64."""
    signal = features.astype(np.float64)
    *hidden, (matrix, bias) = unpacked(weights, sizes)
    for inner, shift in hidden:
        signal = expit(signal @ inner.T + shift)
    outputs = signal @ matrix.T + bias
    return expit(outputs[:, 1] - outputs[:, 0])


def fit_lbfgs(
    features: NDArray[np.float32], labels: NDArray[np.float64], sizes: Sequence[int], iterations: int
) -> NDArray[np.float64]:
    """The flat parameters after so many iterations of SciPy's L-BFGS on all rows, the method of MLlib."""
    rng = np.random.default_rng(0)
    start = [
        np.concatenate([rng.normal(size=width * following) / np.sqrt(width), np.zeros(following)])
        for width, following in pairwise(sizes)
    ]
    click = labels == 1

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        layers = unpacked(flat.astype(np.float32), sizes)
        signals = [features]
        for matrix, bias in layers[:-1]:
            signals.append(_sigmoid(signals[-1] @ matrix.T + bias))
        outputs = signals[-1] @ layers[-1][0].T + layers[-1][1]
        logit = outputs[:, 1] - outputs[:, 0]
        error = (_sigmoid(logit) - click) / np.float32(len(click))
        slope = np.column_stack([-error, error])
        slopes: list[NDArray[np.float32]] = []
        for place in reversed(range(len(layers))):
            signal = signals[place]
            slopes = [(slope.T @ signal).ravel(), slope.sum(axis=0), *slopes]
            if place:
                slope = (slope @ layers[place][0]) * signal * (1 - signal)
        likelihood = log_expit(np.where(click, logit, -logit))
        return -float(likelihood.mean(dtype=np.float64)), np.concatenate(slopes).astype(np.float64)

    options = {"maxiter": iterations}
    return minimize(loss, np.concatenate(start), jac=True, method="L-BFGS-B", options=options).x


def _sigmoid(logits: NDArray[Any]) -> NDArray[Any]:
    """``expit`` of float32, several times as fast: NumPy has a vectorised exponential for it."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-logits))


def deepfm_probabilities(
    weights: Mapping[str, NDArray[np.float32]], fields: NDArray[np.float32]
) -> NDArray[np.float64]:
    """The probabilities of a click by a DeepFM's parameters, in float64, each pair of fields multiplied out.

    Without ``deep.*`` it is a factorization machine, and without ``*_vectors`` a logistic regression.
    """
    exact = {name: values.astype(np.float64) for name, values in weights.items()}
    logits = [_deepfm_logits(exact, fields[start : start + 2000]) for start in range(0, len(fields), 2000)]
    return expit(np.concatenate(logits))


def _deepfm_logits(
    weights: Mapping[str, NDArray[np.float64]], fields: NDArray[np.float32]
) -> NDArray[np.float64]:
    ids = fields[:, : len(CATEGORIES)].astype(np.int64)
    numbers = fields[:, len(CATEGORIES) :].astype(np.float64)
    logit = weights["id_weights.weight"][ids, 0].sum(axis=1)
    logit += numbers @ weights["number_weights.weight"][0] + weights["number_weights.bias"][0]
    if "id_vectors.weight" not in weights:
        return logit
    looked_up = weights["id_vectors.weight"][ids]
    vectors = np.concatenate([looked_up, numbers[:, :, None] * weights["number_vectors"]], axis=1)
    logit += np.triu(vectors @ vectors.transpose(0, 2, 1), k=1).sum(axis=(1, 2))
    signal = np.column_stack([looked_up.reshape(len(ids), -1), numbers])
    names = sorted({int(name.split(".")[1]) for name in weights if name.startswith("deep.")})
    for name in names:
        signal = signal @ weights[f"deep.{name}.weight"].T + weights[f"deep.{name}.bias"]
        if name != names[-1]:
            signal = np.maximum(signal, 0.0)
    return logit + signal[:, 0] if names else logit


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


def check(results: Mapping[str, pd.DataFrame], data: ClickData) -> Quality:
    """Judges the trained parameters by their probabilities, and scored probabilities by the exact ones."""
    values: dict[str, float] = {}
    broken: list[str] = []
    if (trained := results.get("train_model")) is not None:
        _check_trained(trained, data, values, broken)
    if (scored := results.get("score")) is not None:
        _check_scored(scored, data, values, broken)
    return Quality(values, tuple(broken))


def _check_trained(found: pd.DataFrame, data: ClickData, values: dict[str, float], broken: list[str]) -> None:
    weights = pd.to_numeric(found.get("weight", pd.Series(dtype=float)), errors="coerce").to_numpy(np.float64)
    wanted = sum((width + 1) * following for width, following in pairwise(SIZES))
    if len(weights) != wanted:
        broken.append(f"train_model: {wanted:,} parameters are wanted, and {len(weights):,} came")
        return
    labels = labels_of(data.held_out)
    loss, auc = scores(mlp_probabilities(weights, dense(data.held_out, data.vocabulary), SIZES), labels)
    target, target_auc = data.target
    values |= {
        "log_loss": round(loss, 4), "target_log_loss": round(target, 4),
        "auc": round(auc, 4), "target_auc": round(target_auc, 4), "best_auc": round(scores(data.best, labels)[1], 4),
    }  # fmt: skip
    if not loss <= target + TOLERANCE:
        broken.append(
            f"train_model: the held-out log loss is {loss:.4f}; {target:.4f} and {TOLERANCE} more is allowed"
        )
    if not auc >= target_auc - TOLERANCE:
        broken.append(
            f"train_model: the held-out AUC is {auc:.4f}; {target_auc:.4f} less {TOLERANCE} is allowed"
        )


def _check_scored(found: pd.DataFrame, data: ClickData, values: dict[str, float], broken: list[str]) -> None:
    if missing := {"row", "probability"} - set(found.columns):
        broken.append(f"score: the result has no column {', '.join(sorted(missing))}")
        return
    found = found.sort_values("row", ignore_index=True)
    if not np.array_equal(found["row"].to_numpy(), np.arange(len(data.held_out))):
        broken.append(f"score: each of the {len(data.held_out):,} rows must come once; {len(found):,} came")
        return
    exact = deepfm_probabilities(data.weights, fields(data.held_out))
    apart = np.abs(pd.to_numeric(found["probability"], errors="coerce").to_numpy(np.float64) - exact)
    wrong = int((~(apart <= MAX_ERROR)).sum())
    values["score_error"] = float(f"{np.nan_to_num(apart, nan=np.inf).max():.2g}")
    if wrong:
        broken.append(f"score: the probability is wrong in {wrong:,} of {len(exact):,} rows")
