"""Independent optimisers and scores, in NumPy and SciPy, that several labs check against."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from scipy.stats import rankdata


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
        gradient = np.column_stack([-error, error])
        gradients: list[NDArray[np.float32]] = []
        for place in reversed(range(len(layers))):
            signal = signals[place]
            gradients = [(gradient.T @ signal).ravel(), gradient.sum(axis=0), *gradients]
            if place:
                gradient = (gradient @ layers[place][0]) * signal * (1 - signal)
        likelihood = log_expit(np.where(click, logit, -logit))
        return -float(likelihood.mean(dtype=np.float64)), np.concatenate(gradients).astype(np.float64)

    options = {"maxiter": iterations}
    return minimize(loss, np.concatenate(start), jac=True, method="L-BFGS-B", options=options).x


def _sigmoid(logits: NDArray[Any]) -> NDArray[Any]:
    """``expit`` of float32, several times as fast: NumPy has a vectorised exponential for it."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-logits))
