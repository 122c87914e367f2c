"""The rows of lab 7 and the network that is trained on them. Nothing here uses Spark or PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from sparklimits.labs.lab7_gpu.trainer import Adam, Layers, Sgd, held_out_loss, train

Rows = NDArray[np.float32]

#: Numbers of a row, two hidden layers, one logit.
SIZES = (64, 64, 64, 1)
#: Rows to train on at scale 1, and rows to judge by.
ROWS, HELD_OUT = 40_000, 12_000
#: What the naive pass uses, and so does the pass that it is compared with.
BATCH, RATE = 32, 1e-3
#: What ``half_step`` is driven with: so many steps on so many rows, by plain gradient descent.
STEPS, STEP_ROWS, STEP_RATE = 60, 256, 0.1
#: For each variant: the seed of what is to be learned, and how much the second direction weighs.
SPECS = {"main": (0, 1.5), "other": (5, 1.0)}


@dataclass(frozen=True)
class Training:
    """One data set: rows ``[n, 64]`` with labels ``[n]`` of 0 and 1, as float32, and where the network starts."""

    rows: Rows
    labels: Rows
    held_out: Rows
    held_out_labels: Rows
    start: Layers

    @cached_property
    def target(self) -> float:
        """The loss on held-out rows after one pass of an independent trainer with the naive pass's settings."""
        found, _ = train(self.start, self.rows, self.labels, BATCH, Adam(RATE))
        return held_out_loss(found, self.held_out, self.held_out_labels)

    @cached_property
    def steps(self) -> tuple[float, float]:
        """Of the first ``STEPS`` steps in exact float32: the mean loss, and the loss on held-out rows afterwards."""
        rows = STEPS * STEP_ROWS
        found, mean = train(self.start, self.rows[:rows], self.labels[:rows], STEP_ROWS, Sgd(STEP_RATE))
        return mean, held_out_loss(found, self.held_out, self.held_out_labels)


def make_data(scale: float, seed: int, variant: str) -> Training:
    """Fresh rows; ``variant`` is a key of ``SPECS``. The label depends on two directions: no linear model learns it.

    The seed says which number of a row is which of the directions', and its sign: as much can be learned, and a network
    that was trained on one data set is of no use on the next.
    """
    world, second = SPECS[variant]
    rng, truth = np.random.default_rng(seed), np.random.default_rng(world)
    directions = truth.normal(size=(2, SIZES[0])) / np.sqrt(SIZES[0])
    turn = np.random.default_rng([seed, 0x7512])
    directions = directions[:, turn.permutation(SIZES[0])] * turn.choice([-1.0, 1.0], size=SIZES[0])
    count = max(STEPS * STEP_ROWS // 4, round(ROWS * scale))
    rows = rng.normal(size=(count + HELD_OUT, SIZES[0])).astype(np.float32)
    along = rows @ directions.T
    chance = expit(3 * (along[:, 0] + second * np.abs(along[:, 1]) - 0.8 * second))
    labels = (rng.random(len(rows)) < chance).astype(np.float32)
    return Training(rows[:count], labels[:count], rows[count:], labels[count:], start(SIZES, rng))


def start(sizes: Sequence[int], rng: np.random.Generator) -> Layers:
    """Weights and biases as PyTorch would draw them: uniform within one over the root of the layer's inputs."""
    drawn = []
    for width, following in pairwise(sizes):
        bound = 1 / np.sqrt(width)
        drawn.append(
            (
                rng.uniform(-bound, bound, (following, width)).astype(np.float32),
                rng.uniform(-bound, bound, following).astype(np.float32),
            )
        )
    return tuple(drawn)


def write_data(data: Training, folder: Path) -> Path:
    """Writes what the functions get, as arrays of NumPy, into the new folder, and returns it."""
    folder.mkdir(parents=True)
    flat = np.concatenate([part.ravel() for layer in data.start for part in layer])
    for name, array in (("rows", data.rows), ("labels", data.labels), ("start", flat)):
        np.save(folder / f"{name}.npy", array)
    return folder
