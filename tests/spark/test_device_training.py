"""The exercise of the device, on the CPU; Spark's scheduling of GPUs, with a stand-in for the cards. No GPU is used."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from torch import nn

from sparklimits.containers import cluster, engine
from sparklimits.errors import MachineError
from sparklimits.labs import find
from sparklimits.labs.lab5_offload import accelerator, device_training
from sparklimits.labs.lab5_offload.device_training import PROBLEMS, TOLERANCE, Watch, prove, train_on
from tests.submissions import four

CPU = torch.device("cpu")
on_the_cpu = pytest.mark.skipif(
    torch.cuda.is_available(), reason="this machine has a GPU, where speed is scored"
)


def reference() -> device_training.TrainOn:
    namespace: dict[str, object] = {}
    exec(answer("reference"), namespace)
    return namespace["train_on"]  # type: ignore[return-value]


def answer(submission: str) -> str:
    cells = four("lab5_offload")[submission].cells
    (cell,) = (one for one in cells if one.metadata.get("nbgrader", {}).get("grade_id") == "train_on")
    return "import torch\nfrom torch.nn.functional import binary_cross_entropy_with_logits\n" + cell.source


@on_the_cpu
@pytest.mark.parametrize(
    ("submission", "share", "says"),
    [
        ("reference", 1.0, "1 waits for a number in 30 steps, 100% of the matrix products in 16 bits"),
        ("half", 0.5, "30 waits for a number in 30 steps, 100% of"),
        ("untouched", 0.0, "30 waits for a number in 30 steps, 0% of"),
        ("wrong", 0.0, "the network was to see 6,000 rows, 200 at a time; it saw 3,000 rows in 15 calls"),
    ],
)
def test_each_submission_gets_its_share(submission: str, share: float, says: str) -> None:
    namespace: dict[str, object] = {}
    exec(answer(submission), namespace)
    proof = prove(namespace["train_on"])  # type: ignore[arg-type]
    assert proof.share == pytest.approx(share)
    assert says in str(proof)
    assert str(proof).startswith("On the CPU (no GPU was found): ")


def in_16_bits(network: nn.Module, *rest: object) -> float:
    found = train_on(network, *rest)  # type: ignore[arg-type]
    network.bfloat16()
    return found


def forgotten(network: nn.Module, *rest: object) -> float:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = train_on(network, *rest)  # type: ignore[arg-type]
    network.load_state_dict(before)
    return found


def failing(*_: object) -> float:
    raise RuntimeError("no kernel image is available")


@on_the_cpu
@pytest.mark.parametrize(
    ("candidate", "says"),
    [
        (in_16_bits, "weights must be float32 on cpu"),
        (forgotten, "the loss on other rows is"),
        (failing, "RuntimeError: no kernel image is available"),
        (lambda *all: torch.tensor(train_on(*all)), "returned Tensor, not the mean loss"),
        (lambda *all: train_on(*all) + 2 * TOLERANCE, "; the naive pass on the same rows has"),
        (lambda *all: train_on(*all[:-1], 2 * all[-1]), "200 at a time"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_gets_nothing(candidate: device_training.TrainOn, says: str) -> None:
    proof = prove(candidate)
    assert proof.share == 0.0
    assert says in proof.broken


def lazy_when_timed(network: nn.Module, *rest: object) -> float:
    return (
        train_on(network, *rest)
        if network._forward_hooks
        else train_on(network, *(one[:200] for one in rest[:2]), *rest[2:])
    )  # type: ignore


@pytest.mark.parametrize(
    ("candidate", "broken"),
    [(train_on, ""), (lazy_when_timed, "the mean loss is"), (failing, "RuntimeError: no kernel image")],
)
def test_runs_that_are_timed_are_checked_too(candidate: device_training.TrainOn, broken: str) -> None:
    small = device_training.Problem(rows=2_000, width=32, hidden=32, batch=100)
    begun = device_training.Proof("a card", on_gpu=True)
    proof = device_training._by_speed(candidate, small, CPU, random.Random(1), lambda message: None, begun)
    assert proof.broken.startswith(f"in a timed run: {broken}") if broken else not proof.broken
    assert (proof.share == 0.0) if broken else (proof.low < proof.speedup < proof.high)


@on_the_cpu
def test_the_naive_pass_learns_more_than_the_tolerance() -> None:
    problem = PROBLEMS["cpu"]
    network = problem.network()
    before = device_training._held_out(network, *problem.data(1), CPU)
    train_on(network, *problem.data(0), CPU, problem.batch)
    assert device_training._held_out(network, *problem.data(1), CPU) < before - 3 * TOLERANCE


def test_products_are_counted_by_their_operations_and_kind() -> None:
    small, large = torch.rand(4, 4), torch.rand(8, 8).bfloat16()
    with Watch() as watch:
        (small @ small).sum().item()
        large @ large
    assert watch.waits == 1
    assert watch.half == pytest.approx(8**3 / (8**3 + 4**3))


def test_a_steps_operations_are_those_of_its_layers() -> None:
    problem = PROBLEMS["cpu"]
    step = accelerator.Step(problem.network(), CPU)
    weights = problem.width * problem.hidden + problem.hidden**2 + problem.hidden
    # Two for each weight and row: forward, the slope of the weights, and that of the inputs but for the first layer's.
    wanted = 2 * 10 * (3 * weights - problem.width * problem.hidden)
    assert step.flops(10, problem.width) == wanted
    parts = accelerator.parts(problem.network(), problem.batch, problem.width, CPU)
    assert parts["transfer"] == 0.0
    assert parts["launch"] > 0.0


def test_a_gpu_that_the_engine_cannot_give_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "docker"
    fake.write_text('#!/bin/sh\n[ "$1" = info ] && echo \'{"runc":{}}\'\nexit 0\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(MachineError, match=r"no NVIDIA GPU to give: .* or leave out --gpu"):
        cluster.up(find("lab5_offload").constraints.machines, gpu=True)
    fake.write_text('#!/bin/sh\necho \'{"nvidia":{},"runc":{}}\'\n')
    engine.require_gpu()
