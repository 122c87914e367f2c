"""Ways to keep a device busy, measured where they exist: fewer launches, copies beside the arithmetic, a group."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from sparklimits.labs.lab7_gpu.accelerator import Size, Step, seconds
from sparklimits.labs.process_group import in_group


def launches(size: Size, batch: int, place: torch.device) -> dict[str, float]:
    """Milliseconds of a step on so few rows that it is nearly all launching, the operations asked for in three ways.

    A CUDA graph, which only a GPU has, records the launches of a step once and repeats them in one call.
    """
    network = size.network()
    ways = {
        "one by one": Step(network, place).on(batch, size.width),
        "one update for all weights": Step(network, place, fused=True).on(batch, size.width),
    }
    if place.type == "cuda":
        ways["recorded: a CUDA graph"] = recorded(Step(network, place, fused=True), batch, size.width).replay
    return {name: 1000 * seconds(work, place, 30) for name, work in ways.items()}


def recorded(step: Step, batch: int, width: int) -> torch.cuda.CUDAGraph:
    """A step as a CUDA graph. It repeats its launches on the same memory: new rows are copied into the old ones."""
    work, side = step.on(batch, width), torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # what is made at the first steps must be there before the recording
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph


def prefetched(rows: Tensor, labels: Tensor, batch: int, place: torch.device) -> Iterator[tuple[Tensor, ...]]:
    """Each batch on the GPU; the next one is copied while this one is computed."""
    side, here = torch.cuda.Stream(), torch.cuda.current_stream()
    pinned = [part.pin_memory().split(batch) for part in (rows, labels)]  # once, for all batches

    def copied(number: int) -> list[Tensor]:
        with torch.cuda.stream(side):
            return [parts[number].to(place, non_blocking=True) for parts in pinned]

    coming = copied(0)
    for number in range(1, len(pinned[0]) + 1):
        here.wait_stream(side)
        current = coming
        for part in current:
            part.record_stream(here)  # its memory is not given away before this stream has read it
        if number < len(pinned[0]):
            coming = copied(number)
        yield tuple(current)


def copies(size: Size, batch: int, batches: int, place: torch.device) -> dict[str, float]:
    """Seconds of a pass on a GPU, by the way in which its batches are copied; empty on a CPU, which copies nothing."""
    if place.type != "cuda":
        return {}
    rows, labels = torch.rand(batch * batches, size.width), torch.ones(batch * batches)
    step = Step(size.network(), place, torch.bfloat16)

    def plain() -> None:
        for some, wanted in zip(rows.split(batch), labels.split(batch), strict=True):
            step(some.to(place), wanted.to(place))

    def pinned_each_time() -> None:
        for some, wanted in zip(rows.split(batch), labels.split(batch), strict=True):
            step(*(part.pin_memory().to(place, non_blocking=True) for part in (some, wanted)))

    def second_stream() -> None:
        for some, wanted in prefetched(rows, labels, batch, place):
            step(some, wanted)

    def there_before() -> None:
        for some, wanted in zip(there[0].split(batch), there[1].split(batch), strict=True):
            step(some, wanted)

    there = (rows.to(place), labels.to(place))
    ways = {
        "copied when needed": plain,
        "each batch pinned": pinned_each_time,
        "pinned once, second stream": second_stream,
        "there before the pass": there_before,
    }
    return {name: seconds(work, place, 3) for name, work in ways.items()}


def vanished(network: nn.Sequential, rows: Tensor, labels: Tensor) -> dict[str, float]:
    """Percent of the gradients at the hidden layers that are zero in a kind of number, and were not in float32."""
    signals, found = [], rows
    for layer in copy.deepcopy(network):
        found = layer(found)
        if isinstance(layer, nn.Linear) and found.shape[-1] > 1:
            signals.append(found)
    loss = binary_cross_entropy_with_logits(found, labels)
    exact = torch.cat([part.flatten() for part in torch.autograd.grad(loss, signals)])
    exact = exact[exact != 0]

    def gone(kind: torch.dtype, scale: float = 1.0) -> float:
        return 100 * ((exact * scale).to(kind) == 0).float().mean().item()

    return {
        "float16": gone(torch.float16),
        "float16, loss times 65,536": gone(torch.float16, 65_536.0),
        "bfloat16": gone(torch.bfloat16),
    }


def with_one(size: Size, batch: int, place: torch.device) -> dict[str, float]:
    """Milliseconds of a step alone, and as the only one of a group of DistributedDataParallel (DDP)."""
    from torch import distributed

    alone, grouped = Step(size.network(), place), Step(size.network(), place)
    rows, labels = torch.rand(batch, size.width, device=place), torch.ones(batch, device=place)
    found = {"alone": 1000 * seconds(lambda: alone(rows, labels), place, 20)}
    backend = "nccl" if place.type == "cuda" else "gloo"
    distributed.init_process_group(backend, store=distributed.HashStore(), rank=0, world_size=1)

    def measured(network: nn.Module) -> float:
        plain, grouped.network = grouped.network, network
        try:
            return 1000 * seconds(lambda: grouped(rows, labels), place, 20)
        finally:
            grouped.network = plain

    found["DDP, a group of one"] = in_group(grouped.network, measured)
    return found
