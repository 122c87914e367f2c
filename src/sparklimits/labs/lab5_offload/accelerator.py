"""What a device can do, measured: its peak, and what one step of training costs there. The CPU is a device too."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.flop_counter import FlopCounterMode

from sparklimits.spark.timed import clocked

#: Side of the square matrices whose product shows a device's peak.
PEAK_SIZE = {"cuda": 8192, "cpu": 512}


def name(place: torch.device) -> str:
    """The card's name, or ``CPU``."""
    return torch.cuda.get_device_name(place) if place.type == "cuda" else "CPU"


def wait(place: torch.device) -> None:
    """Waits until the device has done all that it was told: a GPU works on while Python goes ahead."""
    if place.type == "cuda":
        torch.cuda.synchronize(place)


def seconds(work: Callable[[], object], place: torch.device, times: int = 5) -> float:
    """The shortest of so many runs of the work, after one that warms up; the device is waited for."""
    found = []
    for _ in range(times + 1):
        wait(place)
        _, taken = clocked(lambda: _waited_for(work, place))
        found.append(taken)
    return min(found[1:])


def _waited_for(work: Callable[[], object], place: torch.device) -> None:
    work()
    wait(place)


def peak(place: torch.device, kind: torch.dtype) -> float:
    """Operations a second of one large matrix product: the most that the device gives for numbers of this kind."""
    size = PEAK_SIZE[place.type]
    left, right = (torch.rand(size, size, device=place).to(kind) for _ in range(2))
    return 2 * size**3 / seconds(lambda: left @ right, place)


class Step:
    """One step of training, forward, backward and update, for a copy of the network on the device.

    ``kind`` is the kind of number in the matrix products; in float32 nothing is cast.
    """

    def __init__(self, network: nn.Module, place: torch.device, kind: torch.dtype = torch.float32) -> None:
        self.network, self.place, self.kind = copy.deepcopy(network).to(place), place, kind
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.0)

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


def parts(network: nn.Module, batch: int, width: int, place: torch.device) -> dict[str, float]:
    """Milliseconds of one step in float32: the rows' way to the device, the launching, and the arithmetic.

    A step on a single row has next to no arithmetic; what it takes is the launching of its operations.
    """
    step, rows = Step(network, place), torch.rand(batch, width)
    transfer = seconds(lambda: rows.to(place), place) if place.type != "cpu" else 0.0
    launch, whole = (seconds(step.on(size, width), place) for size in (1, batch))
    return {
        "transfer": 1000 * transfer,
        "launch": 1000 * launch,
        "arithmetic": 1000 * max(0.0, whole - launch),
    }


def throughput(
    network: nn.Module, batches: Sequence[int], width: int, place: torch.device, kind: torch.dtype
) -> list[tuple[float, float]]:
    """For each size of a batch: the size, and the rows that are trained on in a second."""
    step = Step(network, place, kind)
    return [(batch, batch / seconds(step.on(batch, width), place)) for batch in batches]


def share_of_peak(
    network: nn.Module, batch: int, width: int, place: torch.device, kind: torch.dtype
) -> float:
    """The step's operations a second, as a share of the device's measured :func:`peak` for this kind of number."""
    step = Step(network, place, kind)
    return step.flops(batch, width) / seconds(step.on(batch, width), place) / peak(place, kind)
