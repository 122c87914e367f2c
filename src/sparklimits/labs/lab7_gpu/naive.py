"""The naive ways of lab 7, and how the functions are driven. PyTorch is loaded when one of them runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sparklimits.errors import CandidateError, in_one_line
from sparklimits.labs.lab7_gpu.data import SIZES, STEP_RATE, STEP_ROWS, STEPS
from sparklimits.measurement.lab import Outcome, Solution

if TYPE_CHECKING:
    import torch
    from pyspark.sql import SparkSession
    from torch import Tensor, nn

#: How far apart (nats) the mean losses of the timed pass and of the counted one may be: they see other rows.
ALIKE = 0.05
#: Share of the arithmetic of one pass that must be there.
PASS = 0.95
#: Arithmetic of one row in matrix products: forward, back to the weights, and to the inputs but for the first layer's.
FLOPS = 2 * sum(
    (2 + (layer > 0)) * width * following for layer, (width, following) in enumerate(pairwise(SIZES))
)


def train_epoch(network: nn.Module, rows: Tensor, labels: Tensor, place: torch.device) -> float:
    """Trains the network by one pass over the rows, and returns the mean loss.

    The rows and labels are on the CPU, the network is on ``place``.
    """
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    total = 0.0
    for inputs, wanted in DataLoader(TensorDataset(rows, labels), batch_size=32):
        inputs, wanted = inputs.to(place), wanted.to(place)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(inputs), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)
    return total / len(rows)


def half_step(network: nn.Module, optimizer: torch.optim.Optimizer, inputs: Tensor, wanted: Tensor) -> Tensor:
    """One step of training; returns the loss. All tensors are on one device."""
    import torch

    loss = torch.nn.functional.binary_cross_entropy_with_logits(network(inputs), wanted)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def new_network(flat: Any = None) -> nn.Sequential:
    """The lab's network on the CPU, with these flat parameters: ``[rows, 64]`` → logits ``[rows]``."""
    import torch
    from torch import nn

    layers: list[nn.Module] = []
    for width, following in pairwise(SIZES):
        layers += [nn.Linear(width, following), nn.ReLU()]
    network = nn.Sequential(*layers[:-1], nn.Flatten(0))
    if flat is not None:
        nn.utils.vector_to_parameters(torch.tensor(flat), network.parameters())
    return network


class Counted(Mapping[str, float]):
    """Counts of one more run of a function, which runs when they are first read: after the clock has stopped."""

    def __init__(self, count: Callable[[], dict[str, float]]) -> None:
        self._count = count

    @cached_property
    def _found(self) -> dict[str, float]:
        return self._count()

    def __getitem__(self, name: str) -> float:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def drive_epoch(solution: Solution, inputs: Mapping[str, Any]) -> Outcome:
    """One pass of a new network over the rows: its parameters, the loss that it told, and where it was trained.

    The counts come from a second pass, over the rows' negatives: a network that knows the rows does not know these.
    """
    import torch
    from torch.nn.utils import parameters_to_vector

    from sparklimits.labs.lab7_gpu import accelerator
    from sparklimits.labs.lab7_gpu.counting import Watch
    from sparklimits.machine.gpu import device

    place = device()
    torch.set_num_threads(1)  # on a busy machine two threads wait for each other at every step
    rows, labels = torch.from_numpy(inputs["rows"]), torch.from_numpy(inputs["labels"])

    def one_pass(rows: Tensor) -> tuple[nn.Module, Any]:
        network = new_network(inputs["start"]).to(place)
        return network, solution(network, rows, labels, place)

    network, told = one_pass(rows)
    flat = parameters_to_vector(network.parameters()).detach().float().cpu().numpy()

    def count() -> dict[str, float]:
        other = -rows
        try:
            with Watch() as watch:
                again, _ = one_pass(other)
            losses = [_loss(one, some, labels, place) for one, some in ((network, rows), (again, other))]
        except Exception as error:
            reason = f"{type(error).__name__}: {in_one_line(error)}"
            raise CandidateError(
                "train_epoch", f"a second pass, which was counted, failed ({reason})"
            ) from error
        if not abs(losses[1] - losses[0]) <= ALIKE:
            reason = f"left a loss of {losses[1]:.3f}, the first one {losses[0]:.3f}"
            raise CandidateError("train_epoch", f"a second pass, which was counted, {reason}")
        if watch.flops < PASS * len(rows) * FLOPS and not watch.replays:
            reason = f"did {watch.flops / FLOPS:,.0f} rows' arithmetic; the pass has {len(rows):,} rows"
            raise CandidateError("train_epoch", f"a second pass, which was counted, {reason}")
        return {
            "operations": watch.operations,
            "waits_per_thousand_rows": 1000 * watch.waits / len(rows),
            "moved_bytes": watch.moved_bytes,
            "on_a_gpu": float(place.type == "cuda"),
        }

    return Outcome(
        pd.DataFrame({"weight": flat}),
        Counted(count),
        {**_kinds(network), "loss": _number(told), "device": accelerator.name(place)},
    )


def drive_step(solution: Solution, inputs: Mapping[str, Any]) -> Outcome:
    """Some steps by plain gradient descent: the parameters, the mean loss, and what was computed in 32 bits."""
    import torch
    from torch.nn.utils import parameters_to_vector

    from sparklimits.labs.lab7_gpu.counting import Watch
    from sparklimits.machine.gpu import device

    place = device()
    rows = torch.from_numpy(inputs["rows"])[: STEPS * STEP_ROWS].to(place).split(STEP_ROWS)
    labels = torch.from_numpy(inputs["labels"])[: STEPS * STEP_ROWS].to(place).split(STEP_ROWS)
    network = new_network(inputs["start"]).to(place)
    optimizer = torch.optim.SGD(network.parameters(), lr=STEP_RATE)
    losses = []
    with Watch() as watch:
        for some, wanted in zip(rows, labels, strict=True):
            losses.append(solution(network, optimizer, some, wanted))
    numbers = [
        _number(loss.item() if isinstance(loss, torch.Tensor) and loss.numel() == 1 else loss)
        for loss in losses
    ]
    loss = None if None in numbers else float(np.mean([number for number in numbers if number is not None]))
    flat = parameters_to_vector(network.parameters()).detach().float().cpu().numpy()
    counts = {"percent_in_32_bits": watch.wide, "step_waits": watch.waits}
    return Outcome(pd.DataFrame({"weight": flat}), counts, {**_kinds(network), "loss": loss})


def load(spark: SparkSession, folder: Path) -> dict[str, Any]:
    """What the functions get. It never was in Spark: lab 5 shows how rows come out of it."""
    return {name: np.load(folder / f"{name}.npy") for name in ("rows", "labels", "start")}


def _kinds(network: nn.Module) -> dict[str, Any]:
    return {"kinds": sorted({str(one.dtype).removeprefix("torch.") for one in network.parameters()})}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _loss(network: nn.Module, rows: Tensor, labels: Tensor, place: torch.device) -> float:
    import torch

    with torch.inference_mode():
        logits = network(rows.to(place)).float()
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, labels.to(place)).item()
