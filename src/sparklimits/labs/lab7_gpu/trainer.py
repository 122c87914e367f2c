"""A trainer of small networks in NumPy, by the definitions: what lab 7's functions are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Array = NDArray[np.float32]
#: Layer by layer: the matrix ``[outputs, inputs]``, and the bias.
Layers = tuple[tuple[Array, Array], ...]


class Update(Protocol):
    """How an optimiser changes parameters, in place, by their gradients."""

    def __call__(self, parameters: Sequence[Array], gradients: Sequence[Array]) -> None:
        """One step."""


class Sgd:
    """Plain gradient descent."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, parameters: Sequence[Array], gradients: Sequence[Array]) -> None:
        """One step."""
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter -= self.rate * gradient


class Adam:
    """Adam with its usual constants (Kingma and Ba, 2015)."""

    def __init__(self, rate: float) -> None:
        self.rate, self.steps = rate, 0
        self.moments: list[tuple[Array, Array]] = []

    def __call__(self, parameters: Sequence[Array], gradients: Sequence[Array]) -> None:
        """One step."""
        self.moments = self.moments or [(np.zeros_like(one), np.zeros_like(one)) for one in parameters]
        self.steps += 1
        first, second = 1 - 0.9**self.steps, 1 - 0.999**self.steps
        for parameter, gradient, (mean, square) in zip(parameters, gradients, self.moments, strict=True):
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient * gradient - square)
            parameter -= self.rate / first * mean / (np.sqrt(square / second) + 1e-8)


def logits(layers: Layers, rows: Array) -> Array:
    """``[rows, width]`` → ``[rows]``; the rectifier stands between layers."""
    for matrix, bias in layers[:-1]:
        rows = np.maximum(rows @ matrix.T + bias, 0)
    matrix, bias = layers[-1]
    return (rows @ matrix.T + bias)[:, 0]


def loss_of(found: Array, labels: Array) -> float:
    """Mean log loss (nats) of logits."""
    return float(np.mean(np.logaddexp(0, found.astype(np.float64)) - labels * found))


def held_out_loss(layers: Layers, rows: Array, labels: Array) -> float:
    """Mean log loss (nats) of a network."""
    return loss_of(logits(layers, rows), labels)


def train(start: Layers, rows: Array, labels: Array, batch: int, update: Update) -> tuple[Layers, float]:
    """One pass over the rows, in their order: the layers afterwards, and the mean of the batches' losses."""
    layers = tuple((matrix.copy(), bias.copy()) for matrix, bias in start)
    parameters = [part for layer in layers for part in layer]
    losses = []
    for begin in range(0, len(rows), batch):
        chosen, wanted = rows[begin : begin + batch], labels[begin : begin + batch]
        signals = [chosen]
        for matrix, bias in layers[:-1]:
            signals.append(np.maximum(signals[-1] @ matrix.T + bias, 0))
        found = signals[-1] @ layers[-1][0].T + layers[-1][1]
        losses.append(loss_of(found[:, 0], wanted))
        error = (expit(found) - wanted[:, None]) / np.float32(len(chosen))
        gradients: list[Array] = []
        for place in reversed(range(len(layers))):
            signal = signals[place]
            gradients = [error.T @ signal, error.sum(axis=0), *gradients]
            if place:
                error = (error @ layers[place][0]) * (signal > 0)
        update(parameters, gradients)
    return layers, float(np.mean(losses))


def unpacked(flat: NDArray[np.float64], sizes: Sequence[int]) -> Layers:
    """The layers that these flat parameters are."""
    layers, begin = [], 0
    for width, following in pairwise(sizes):
        bias = begin + width * following
        matrix = flat[begin:bias].reshape(following, width)
        layers.append((matrix.astype(np.float32), flat[bias : bias + following].astype(np.float32)))
        begin = bias + following
    return tuple(layers)
