"""What a device can do, measured: its peak, its memory, and what a step of training costs. The CPU is a device too."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.flop_counter import FlopCounterMode

from sparklimits.spark.timed import clocked

#: Side of the square matrices whose product shows a device's peak.
PEAK_SIZE = {"cuda": 8192, "cpu": 512}
#: Numbers of the array whose copying shows the bandwidth of a device's memory: more than its caches hold.
COPIED = {"cuda": 1 << 28, "cpu": 1 << 25}


@dataclass(frozen=True)
class Size:
    """A network for one kind of device: the ``width`` of a row, two ``hidden`` layers."""

    width: int
    hidden: int

    def network(self) -> nn.Sequential:
        """A new network on the CPU: ``[rows, width]`` → logits ``[rows]``."""
        return nn.Sequential(
            nn.Linear(self.width, self.hidden), nn.ReLU(), nn.Linear(self.hidden, self.hidden), nn.ReLU(),
            nn.Linear(self.hidden, 1), nn.Flatten(0),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.width:,} numbers, two layers of {self.hidden:,}"


#: A card needs wide layers to show what it can do; a CPU would need minutes for them.
SIZE = {"cuda": Size(1_024, 4_096), "cpu": Size(64, 256)}


def name(place: torch.device) -> str:
    """The card's name, or ``CPU``."""
    return torch.cuda.get_device_name(place) if place.type == "cuda" else "CPU"


def wait(place: torch.device) -> None:
    """Waits until the device has done all that it was told: a GPU works on while Python goes ahead."""
    if place.type == "cuda":
        torch.cuda.synchronize(place)


def seconds(work: Callable[[], object], place: torch.device, times: int = 5) -> float:
    """The shortest of so many runs of the work, after one that warms up; the device is waited for."""

    def waited_for() -> None:
        work()
        wait(place)

    found = []
    for _ in range(times + 1):
        wait(place)
        _, taken = clocked(waited_for)
        found.append(taken)
    return min(found[1:])


def peak(place: torch.device, kind: torch.dtype) -> float:
    """Operations a second of one large matrix product: the most that the device gives for numbers of this kind."""
    size = PEAK_SIZE[place.type]
    left, right = (torch.rand(size, size, device=place).to(kind) for _ in range(2))
    return 2 * size**3 / seconds(lambda: left @ right, place)


def bandwidth(place: torch.device) -> float:
    """Bytes a second that the device's memory gives and takes while a large array is copied within it."""
    one = torch.rand(COPIED[place.type], device=place)
    other = torch.empty_like(one)
    return 2 * one.numel() * one.element_size() / seconds(lambda: other.copy_(one), place)


def rungs(place: torch.device) -> dict[str, float]:
    """:func:`peak` for each kind of number that is worth a try there. TF32 and float16 are for GPUs."""
    found = {"float32": peak(place, torch.float32)}
    if place.type == "cuda":
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("high")
        try:
            found["TF32"] = peak(place, torch.float32)
        finally:
            torch.set_float32_matmul_precision(before)
    found["bfloat16"] = peak(place, torch.bfloat16)
    if place.type == "cuda":
        found["float16"] = peak(place, torch.float16)
    return found


class Step:
    """One step of training, forward, backward and update, for a copy of the network on the device.

    ``kind`` is the kind of number in the matrix products; in float32 nothing is cast. With ``fused`` the update of all
    parameters is one operation.
    """

    def __init__(
        self, network: nn.Module, place: torch.device, kind: torch.dtype = torch.float32, fused: bool = False
    ) -> None:
        self.network, self.place, self.kind = copy.deepcopy(network).to(place), place, kind
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=0.0, fused=fused, foreach=False,
            capturable=fused and place.type == "cuda",  # a CUDA graph may record it
        )  # fmt: skip

    def __call__(self, rows: Tensor, labels: Tensor) -> None:
        with torch.autocast(self.place.type, torch.bfloat16, enabled=self.kind == torch.bfloat16):
            logits = self.network(rows)
        self.optimizer.zero_grad()
        binary_cross_entropy_with_logits(logits.float(), labels).backward()
        self.optimizer.step()

    def on(self, batch: int, width: int) -> Callable[[], None]:
        """The step on made-up rows ``[batch, width]`` that are on the device already."""
        rows, labels = torch.rand(batch, width, device=self.place), torch.ones(batch, device=self.place)
        return lambda: self(rows, labels)

    def flops(self, batch: int, width: int) -> int:
        """Operations of the step's matrix products, as PyTorch counts them."""
        with FlopCounterMode(display=False) as counter:
            self.on(batch, width)()
        return counter.get_total_flops()

    def bytes(self, batch: int, width: int) -> int:
        """The least that a step must read and write in float32.

        Each matrix product reads two matrices and writes one; an update reads a weight, its gradient and two moments,
        and writes all but the gradient.
        """
        numbers = 0
        for layer, one in enumerate(one for one in self.network.modules() if isinstance(one, nn.Linear)):
            weights, ins, outs = one.weight.numel(), batch * one.in_features, batch * one.out_features
            numbers += (2 + (layer > 0)) * (weights + ins + outs) + 7 * weights
        return 4 * numbers


def parts(size: Size, batch: int, place: torch.device) -> dict[str, float]:
    """Milliseconds of one step in float32: the rows' way to the device, the launching, and the arithmetic.

    A step on a single row has next to no arithmetic; what it takes is the launching of its operations.
    """
    step, rows = Step(size.network(), place), torch.rand(batch, size.width)
    transfer = seconds(lambda: rows.to(place), place) if place.type != "cpu" else 0.0
    launch, whole = (seconds(step.on(some, size.width), place, 20) for some in (1, batch))
    return {
        "transfer": 1000 * transfer,
        "launch": 1000 * launch,
        "arithmetic": 1000 * max(0.0, whole - launch),
    }


def throughput(
    size: Size, batches: Sequence[int], place: torch.device, kind: torch.dtype = torch.float32
) -> list[tuple[float, float]]:
    """For each size of a batch: the size, and the rows that are trained on in a second."""
    step = Step(size.network(), place, kind)
    return [(batch, batch / seconds(step.on(batch, size.width), place, 10)) for batch in batches]


@dataclass(frozen=True)
class Roofline:
    """What no work can exceed: ``peak`` operations a second, and ``bandwidth`` bytes a second.

    ``points`` are pieces of work by name: operations for each byte of memory, and operations a second.
    """

    peak: float
    bandwidth: float
    points: dict[str, tuple[float, float]]

    def roof(self, intensity: float) -> float:
        """The most operations a second for work with so many operations for each byte."""
        return min(self.peak, self.bandwidth * intensity)


def roofline(size: Size, batches: Sequence[int], place: torch.device) -> Roofline:
    """The device's roof in float32, and the steps of a network under it: one for each size of a batch."""
    one, other, total = (torch.rand(COPIED[place.type] // 2, device=place) for _ in range(3))
    adding = one.numel() / seconds(lambda: torch.add(one, other, out=total), place)
    points = {"adding two arrays": (1 / 12, adding)}  # two numbers of four bytes are read, one is written
    step = Step(size.network(), place)
    for batch in batches:
        flops = step.flops(batch, size.width)
        taken = seconds(step.on(batch, size.width), place, 10)
        points[f"step, {batch:,} rows"] = (flops / step.bytes(batch, size.width), flops / taken)
    # Copying does not always use all of the memory's bandwidth.
    return Roofline(peak(place, torch.float32), max(bandwidth(place), 12 * adding), points)
