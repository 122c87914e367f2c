"""The graded exercise of the device: one pass over rows that do not live where the network is trained.

On a GPU the pass is timed in pairs against the naive one below. On a CPU there is nothing to gain by moving rows, so
that the pass is judged by what it does: how often it waits for a number of the device, and how many of its matrix
products are in half precision. PyTorch itself tells both.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils._python_dispatch import TorchDispatchMode

from sparklimits.errors import in_one_line
from sparklimits.labs.lab5_offload import accelerator
from sparklimits.labs.lab5_offload.networks import device
from sparklimits.measurement import pairs
from sparklimits.measurement.bars import Bars, counter_share, settled, speed_share, too_noisy
from sparklimits.measurement.plan import BASELINE, CANDIDATE, Place
from sparklimits.spark.timed import clocked

#: ``train_on(network, rows, labels, place, batch)`` trains the network in place and returns the mean loss (nats).
TrainOn = Callable[[nn.Module, Tensor, Tensor, torch.device, int], float]

#: Step of the optimiser, and how much of the last step it keeps.
RATE, MOMENTUM = 0.2, 0.9
#: The speedup that the bars for a GPU are made from. It is set with caution: no card was at hand to measure it on.
GPU_GAIN = 2.5
#: How far the losses may be from those of the naive pass from the same start: numbers of 16 bits are rough.
TOLERANCE = 0.02
#: Waits for a number of the device in one pass: as many as a pass needs.
FEW_WAITS = 2
#: Share of the matrix products in 16 bits from which on it is nearly all.
ALL_HALF = 0.9


@dataclass(frozen=True)
class Problem:
    """The sizes of the exercise: ``rows`` of ``width`` numbers, two ``hidden`` layers, steps on ``batch`` rows."""

    rows: int
    width: int
    hidden: int
    batch: int

    @property
    def steps(self) -> int:
        """Steps of one pass."""
        return math.ceil(self.rows / self.batch)

    def network(self) -> nn.Sequential:
        """A new network on the CPU: ``[rows, width]`` → logits ``[rows]``."""
        return nn.Sequential(
            nn.Linear(self.width, self.hidden), nn.ReLU(), nn.Linear(self.hidden, self.hidden), nn.ReLU(),
            nn.Linear(self.hidden, 1), nn.Flatten(0),
        )  # fmt: skip

    def data(self, seed: int) -> tuple[Tensor, Tensor]:
        """Rows ``[rows, width]`` and labels ``[rows]`` of 0 and 1, float32 on the CPU.

        The label depends on the sign of a sum of the numbers, nine times in ten.
        """
        made = torch.Generator().manual_seed(seed)
        rows = torch.randn(self.rows, self.width, generator=made)
        truth = torch.randn(self.width, generator=torch.Generator().manual_seed(0))
        flipped = torch.rand(self.rows, generator=made) < 0.1
        return rows, ((rows @ truth > 0) ^ flipped).float()


#: A card needs wide layers to show what it can do; a CPU would need minutes for them.
PROBLEMS = {
    "cuda": Problem(rows=65_536, width=1_024, hidden=4_096, batch=4_096),
    "cpu": Problem(rows=6_000, width=64, hidden=128, batch=200),
}


def train_on(network: nn.Module, rows: Tensor, labels: Tensor, place: torch.device, batch: int) -> float:
    """Trains the network by one pass over the rows, in their order, and returns the mean loss.

    ``rows`` and ``labels`` are on the CPU; the network is on ``place`` afterwards.
    """
    network.to(place)
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE, momentum=MOMENTUM)
    total = 0.0
    for start in range(0, len(rows), batch):
        inputs = rows[start : start + batch].to(place)
        wanted = labels[start : start + batch].to(place)
        loss = binary_cross_entropy_with_logits(network(inputs), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)
    return total / len(rows)


class Watch(TorchDispatchMode):
    """Counts, for all of PyTorch's operations in its body, the ``waits`` and the share of products in 16 bits."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = 0
        self._products = {False: 0, True: 0}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = function.overloadpacket.__name__
        if name == "_local_scalar_dense":
            self.waits += 1
        elif name in ("mm", "addmm"):
            left, right = args[-2:]
            self._products[left.element_size() == 2] += left.shape[0] * left.shape[1] * right.shape[1]
        return function(*args, **(kwargs or {}))

    @property
    def half(self) -> float:
        """Share of the operations of matrix products that were done on numbers of 16 bits, 0 … 1."""
        return self._products[True] / max(1, sum(self._products.values()))


@dataclass(frozen=True)
class Proof:
    """What the exercise found; ``speedup`` and its 95 % interval are there on a GPU only."""

    place: str
    on_gpu: bool
    broken: str = ""
    waits: int = 0
    steps: int = 0
    half: float = 0.0
    share: float = 0.0
    speedup: float = math.nan
    low: float = math.nan
    high: float = math.nan

    def __str__(self) -> str:
        where = f"On {self.place}" if self.on_gpu else "On the CPU (no GPU was found)"
        if self.broken:
            return f"{where}: wrong. {self.broken}"
        counted = (
            f"{self.waits} waits for a number in {self.steps} steps, "
            f"{self.half:.0%} of the matrix products in 16 bits"
        )
        if not self.on_gpu:
            return f"{where}: right. Scored by what it does, not by speed: {counted}."
        bars = Bars.of(GPU_GAIN)
        return (
            f"{where}: right, and {self.speedup:.2f} times as fast as the naive pass, 95 % interval "
            f"{self.low:.2f} to {self.high:.2f}. Scored by speed: full marks from {bars.full:.2f}, none up to "
            f"{bars.none:.2f}. {counted[0].upper()}{counted[1:]}."
        )


def prove(candidate: TrainOn, progress: Callable[[str], None] = lambda message: None) -> Proof:
    """Checks the pass against the naive one, and scores it: by speed on a GPU, by what it does on a CPU."""
    place = device()
    problem, rng = PROBLEMS[place.type], random.Random()
    where = accelerator.name(place)
    on_gpu = place.type == "cuda"
    progress("checking")
    watch = Watch()
    if broken := _broken(candidate, problem, place, rng.getrandbits(32), watch):
        return Proof(where, on_gpu, broken)
    proof = Proof(where, on_gpu, waits=watch.waits, steps=problem.steps, half=watch.half)
    if not on_gpu:
        waits = counter_share(max(watch.waits, FEW_WAITS), good=FEW_WAITS, bad=problem.steps)
        return replace(proof, share=(waits + min(1.0, watch.half / ALL_HALF)) / 2)
    return _by_speed(candidate, problem, place, rng, progress, proof)


def _by_speed(
    candidate: TrainOn,
    problem: Problem,
    place: torch.device,
    rng: random.Random,
    progress: Callable[[str], None],
    proof: Proof,
) -> Proof:
    """The proof with the speedup and its share; all timed runs are checked, as the first was."""
    ways = {BASELINE: train_on, CANDIDATE: candidate}

    def one(run: Place) -> tuple[float, str]:
        seed, network = rng.getrandbits(32), problem.network()
        start, (rows, labels) = copy.deepcopy(network), problem.data(seed)
        accelerator.wait(place)

        def pass_over_all() -> tuple[object, str]:
            try:
                found = ways[run.arm](network, rows, labels, place, problem.batch)
                accelerator.wait(place)
            except Exception as error:
                if run.arm == BASELINE:  # no fault of the candidate's
                    raise
                return None, f"{type(error).__name__}: {in_one_line(error)}"
            return found, ""

        (found, failure), seconds = clocked(pass_over_all)
        if run.arm == BASELINE or failure:
            return seconds, failure
        wanted = train_on(start, *problem.data(seed), place, problem.batch)
        return seconds, _departs(found, network, wanted, start, problem.data(seed + 1), place)

    timed = pairs.paired(one, lambda slow, fast: settled(slow, fast, GPU_GAIN), rng=rng, progress=progress)
    if broken := next((run.output for run in timed if run.output), ""):
        return replace(proof, broken=f"in a timed run: {broken}")
    slow, fast = (pairs.seconds_of(timed, arm) for arm in (BASELINE, CANDIDATE))
    ratio = pairs.ratio(slow, fast)
    # A restless machine: half of the marks, until a person decides.
    share = 0.5 if too_noisy(slow, fast, GPU_GAIN) else speed_share(slow, fast, GPU_GAIN)
    return replace(proof, share=share, speedup=ratio.speedup, low=ratio.low, high=ratio.high)


def _broken(candidate: TrainOn, problem: Problem, place: torch.device, seed: int, watch: Watch) -> str:
    """Why the pass is wrong, or nothing; what it does is counted by ``watch``."""
    network, (rows, labels), fresh = problem.network(), problem.data(seed), problem.data(seed + 1)
    exact = copy.deepcopy(network)
    wanted = train_on(exact, rows, labels, place, problem.batch)
    seen: list[int] = []
    hook = network.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0])))
    try:
        with watch:
            found = candidate(network, rows.clone(), labels.clone(), place, problem.batch)
    except Exception as error:
        return f"train_on: {type(error).__name__}: {in_one_line(error)}"
    finally:
        hook.remove()
    if seen != [problem.batch] * (problem.rows // problem.batch) + [problem.rows % problem.batch] * (
        problem.rows % problem.batch > 0
    ):
        return (
            f"the network was to see {problem.rows:,} rows, {problem.batch:,} at a time; it saw {sum(seen):,} rows "
            f"in {len(seen)} calls"
        )
    return _departs(found, network, wanted, exact, fresh, place)


def _departs(
    found: object,
    network: nn.Module,
    wanted: float,
    exact: nn.Module,
    fresh: tuple[Tensor, Tensor],
    place: torch.device,
) -> str:
    """How what a pass returned, and the network that it left, depart from those of the naive pass; or nothing."""
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return f"train_on returned {type(found).__name__}, not the mean loss as a number"
    homes = {(weights.device.type, weights.dtype) for weights in network.parameters()}
    if homes != {(place.type, torch.float32)}:
        return (
            f"the weights must be float32 on {place.type} afterwards, whatever the products are computed in"
        )
    if not abs(found - wanted) <= TOLERANCE:
        return f"the mean loss is {found:.4f}; the naive pass on the same rows has {wanted:.4f}"
    losses = [_held_out(one, *fresh, place) for one in (network, exact)]
    if not losses[0] <= losses[1] + TOLERANCE:
        return f"the loss on other rows is {losses[0]:.4f} afterwards; {losses[1]:.4f} and {TOLERANCE} is allowed"
    return ""


def _held_out(network: nn.Module, rows: Tensor, labels: Tensor, place: torch.device) -> float:
    with torch.inference_mode():
        return binary_cross_entropy_with_logits(network(rows.to(place)), labels.to(place)).item()
