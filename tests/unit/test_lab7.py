"""Lab 7 on the CPU, without Spark: its functions, its counters, its oracle, and the script for a machine with a GPU."""

# ruff: noqa: E402 - without PyTorch none of this can be imported
from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import needs

needs.torch(whole_module=True)

import torch
from torch import nn

from sparklimits.containers import cluster, engine
from sparklimits.display import figures
from sparklimits.errors import CandidateError, MachineError
from sparklimits.labs import find
from sparklimits.labs.lab7_gpu import LAB, accelerator, naive, routes
from sparklimits.labs.lab7_gpu.accelerator import Size, Step
from sparklimits.labs.lab7_gpu.counting import Watch
from sparklimits.labs.lab7_gpu.data import BATCH, SIZES, Training, make_data, write_data
from sparklimits.labs.lab7_gpu.oracle import TOLERANCE
from sparklimits.labs.lab7_gpu.pictures import under_the_roof
from sparklimits.labs.lab7_gpu.trainer import Adam, held_out_loss, train
from sparklimits.measurement.bars import counter_share
from sparklimits.measurement.calls import collected
from sparklimits.measurement.lab import Outcome, Quality
from sparklimits.measurement.measurement import Measurement
from sparklimits.spark.counters import Counters
from sparklimits.spark.timed import Timed, clocked
from tests.submissions import ROOT, four

CPU = torch.device("cpu")
SCALE = 0.1
EPOCH, STEP = LAB.exercises
#: Packages that a machine with nothing but PyTorch and tables lacks.
LACKING = ("pyspark", "matplotlib", "psutil", "nbformat", "IPython")
on_the_cpu = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")


@pytest.fixture(scope="module")
def data() -> Training:
    return make_data(SCALE, 3, "main")


@pytest.fixture(scope="module")
def inputs(data: Training, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = write_data(data, tmp_path_factory.mktemp("lab7") / "data")
    return LAB.load(None, folder)  # type: ignore[arg-type]


def function(submission: str, name: str) -> Callable[..., Any]:
    cells = four("lab7_gpu")[submission].cells
    (cell,) = (one for one in cells if one.metadata.get("nbgrader", {}).get("grade_id") == name)
    namespace: dict[str, Any] = {}
    exec(cell.source, namespace)
    return namespace[name]


def judged(exercise: Any, outcome: Outcome, data: Training) -> Quality:
    outcome.table.attrs = dict(outcome.notes)
    return exercise.check(outcome.table, data)


@on_the_cpu
@pytest.mark.parametrize(
    ("submission", "operations", "waits", "says"),
    [
        ("reference", 1.0, 1.0, ""),
        ("half", 0.15, 0.0, ""),
        ("untouched", 0.0, 0.0, ""),
        ("wrong", None, None, "the held-out loss is"),
    ],
)
def test_each_pass_gets_its_share(
    submission: str, operations: float, waits: float, says: str, data: Training, inputs: dict[str, Any]
) -> None:
    outcome = EPOCH.drive(function(submission, "train_epoch"), inputs)
    found = judged(EPOCH, outcome, data)
    if says:
        assert says in found.broken[0]
        return
    assert found.ok, found.broken
    shares = {
        part: counter_share(outcome.counts[bar.counter], *bar.at(SCALE)) for part, bar in EPOCH.bars.items()
    }
    assert shares == pytest.approx({"train_epoch": operations, "waits": waits}, abs=0.12)
    assert outcome.counts["moved_bytes"] == outcome.counts["on_a_gpu"] == 0
    assert outcome.notes["device"] == "CPU"


@on_the_cpu
@pytest.mark.parametrize(
    ("submission", "share", "says"),
    [
        ("reference", 1.0, ""),
        ("untouched", 0.0, ""),
        ("wrong", 1.0, "the weights must be float32 afterwards"),
    ],
)
def test_each_step_gets_its_share(
    submission: str, share: float, says: str, data: Training, inputs: dict[str, Any]
) -> None:
    outcome = STEP.drive(function(submission, "half_step"), inputs)
    assert counter_share(outcome.counts["percent_in_32_bits"], *STEP.bar.at(1)) == pytest.approx(share)
    found = judged(STEP, outcome, data)
    assert found.ok != bool(says)
    assert says in "".join(found.broken)


def half_of_the_rows(network: nn.Module, rows: torch.Tensor, labels: torch.Tensor, place: Any) -> float:
    return fast(network, rows[::2], labels[::2], place)


def known_before(network: nn.Module, rows: torch.Tensor, labels: torch.Tensor, place: Any) -> float:
    """Trains once, and remembers the weights."""
    if not (kept := known_before.__dict__.setdefault("kept", {})):
        kept["loss"], kept["weights"] = fast(network, rows, labels, place), network.state_dict()
    network.load_state_dict(kept["weights"])
    return kept["loss"]


def counted_never(network: nn.Module, rows: torch.Tensor, labels: torch.Tensor, place: Any) -> float:
    if counted_never.__dict__.setdefault("calls", []):
        raise RuntimeError("no second time")
    counted_never.__dict__["calls"].append(1)
    return fast(network, rows, labels, place)


def fast(*arguments: Any) -> float:
    return function("reference", "train_epoch")(*arguments, batch=128, rate=0.01)


@on_the_cpu
@pytest.mark.parametrize(
    ("trick", "says"),
    [
        (half_of_the_rows, "did 2,000 rows' arithmetic; the pass has 4,000 rows"),
        (known_before, "left a loss of"),
        (counted_never, "failed (RuntimeError: no second time)"),
    ],
)
def test_the_pass_that_is_counted_must_be_one(trick: Any, says: str, inputs: dict[str, Any]) -> None:
    outcome = EPOCH.drive(trick, inputs)
    with pytest.raises(CandidateError) as raised:
        dict(outcome.counts)
    assert says in str(raised.value)


class Here:
    """A bench without a session: lab 7's functions ask for none."""

    backend = "embedded"

    def run(self, exercises: Any, solutions: Any, data: Training, name: str) -> dict[str, Timed[Outcome]]:
        flat = np.concatenate([part.ravel() for layer in data.start for part in layer])
        given = {"rows": data.rows, "labels": data.labels, "start": flat}
        parts = {}
        for one in exercises:
            outcome, seconds = clocked(lambda one=one: collected(one, solutions[one.name], given))
            parts[one.name] = Timed(outcome, seconds, Counters(other=dict(outcome.counts)))
        return parts

    def recover(self) -> None:
        raise AssertionError("nothing here can die")


@on_the_cpu
def test_a_measurement_of_the_reference_earns_all_counts_without_a_task_of_spark() -> None:
    reference = {name: function("reference", name) for name in LAB.names}
    # On a tenth of the rows the reference's loss is past its bound once in some sixty data sets: not on these.
    result = Measurement(LAB, Here(), scale=SCALE, seed=7).measure(reference)
    assert result.verdict == "inconclusive", result.reasons  # so few rows are not for the clock
    assert {part: result.share(part) for part in LAB.bars} == dict.fromkeys(LAB.bars, 1.0)
    assert result.arms["candidate"].summary["tasks"] == 0
    assert result.arms["baseline"].functions["train_epoch"]["operations"] > 20_000
    assert any(name == "train_epoch, median seconds" for name, *_ in result.rows())
    assert "train_epoch, operations" in str(result)
    assert len(figures.comparison(result).axes) == 1


@on_the_cpu
def test_what_is_wrong_in_a_measurement_earns_nothing_and_the_rest_is_shown() -> None:
    result = Measurement(LAB, Here(), scale=SCALE).measure(
        {name: function("wrong", name) for name in LAB.names}
    )
    assert result.verdict == "wrong"
    assert not any(result.share(part) for part in ("speed", *LAB.bars))
    assert "held-out loss" in str(result)


def test_what_is_wrong_is_named(data: Training, inputs: dict[str, Any]) -> None:
    def told(value: Any) -> Quality:
        flat = np.concatenate([part.ravel() for layer in data.start for part in layer])
        outcome = EPOCH.drive(lambda network, *_: value, {**inputs, "start": flat})
        return judged(EPOCH, outcome, data)

    assert "it must return the loss as a number" in told(torch.tensor(0.3)).broken[0]
    assert "it must return the loss as a number" in told(True).broken[0]
    assert "it says that the mean loss was 0.001" in told(0.001).broken[0]
    assert "the held-out loss is 0.6" in told(0.4).broken[0]
    assert "parameters are wanted, and 0 came" in EPOCH.check(naive.pd.DataFrame(), data).broken[0]


def test_the_independent_trainer_does_what_pytorch_does(data: Training, inputs: dict[str, Any]) -> None:
    rows = 100 * BATCH
    layers, loss = train(data.start, data.rows[:rows], data.labels[:rows], BATCH, Adam(1e-3))
    network = naive.new_network(inputs["start"])
    told = naive.train_epoch(
        network, *(torch.from_numpy(inputs[name][:rows]) for name in ("rows", "labels")), CPU
    )
    assert told == pytest.approx(loss, abs=1e-5)
    flat = nn.utils.parameters_to_vector(network.parameters()).detach().numpy()
    np.testing.assert_allclose(
        np.concatenate([part.ravel() for layer in layers for part in layer]), flat, atol=1e-4
    )


def test_a_linear_model_does_not_pass(data: Training) -> None:
    start = ((np.zeros((1, SIZES[0]), np.float32), np.zeros(1, np.float32)),)
    layers, _ = train(start, data.rows, data.labels, BATCH, Adam(1e-3))
    assert held_out_loss(layers, data.held_out, data.held_out_labels) > data.target + 2 * TOLERANCE


def test_what_is_counted() -> None:
    small, large = torch.rand(4, 4), torch.rand(8, 8).bfloat16()
    optimizer = torch.optim.Adam([weights := torch.rand(3, requires_grad=True)])
    weights.sum().backward()
    with Watch() as watch:
        total = (small @ small).sum()
        large @ large
        assert (watch.operations, watch.waits) == (3, 0)
        for ask in (
            total.item,
            total.tolist,
            total.numpy,
            total.cpu,
            lambda: float(total),
            lambda: bool(total),
        ):
            before = watch.waits
            ask()
            assert watch.waits == before + 1
        before = watch.waits
        optimizer.step()  # reads its own counter, which is no number of the device
        assert watch.waits == before
    assert watch.wide == pytest.approx(100 * 4**3 / (8**3 + 4**3))
    with Watch() as watch:
        small.to("meta")
        assert watch.moved_bytes == 64


def test_a_step_s_arithmetic_is_that_of_its_layers() -> None:
    size = Size(8, 16)
    step = Step(size.network(), CPU)
    weights = 8 * 16 + 16 * 16 + 16
    # Two for each weight and row: forward, and the gradients of the weights, and of the inputs but the first.
    assert step.flops(10, 8) == 2 * 10 * (3 * weights - 8 * 16)
    assert step.bytes(10, 8) == 4 * (
        2 * (128 + 80 + 160) + 3 * (256 + 160 + 160) + 3 * (16 + 160 + 10) + 7 * weights
    )
    assert naive.FLOPS == 2 * (3 * (2 * 64 * 64 + 64) - 64 * 64)


def test_what_the_notebook_measures_is_there_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerator, "COPIED", {"cpu": 1 << 16})
    size = Size(8, 16)
    parts = accelerator.parts(size, 64, CPU)
    assert parts["transfer"] == 0.0 < parts["launch"]
    roof = accelerator.roofline(size, (8, 64), CPU)
    assert roof.roof(1e-9) == pytest.approx(roof.bandwidth * 1e-9)
    assert roof.roof(1e9) == roof.peak
    assert under_the_roof(roof).axes[0].get_xlabel() == "operations for each byte of memory (log scale)"
    assert set(accelerator.rungs(CPU)) == {"float32", "bfloat16"}
    assert set(routes.launches(size, 8, CPU)) == {"one by one", "one update for all weights"}
    assert routes.copies(size, 8, 2, CPU) == {}
    assert set(routes.with_one(size, 8, CPU)) == {"alone", "DDP, a group of one"}


def test_float16_loses_gradients_that_a_scaler_saves() -> None:
    torch.manual_seed(0)
    gone = routes.vanished(Size(64, 256).network(), torch.rand(16_384, 64), torch.ones(16_384))
    assert gone["float16"] > 1.0
    assert gone["float16, loss times 65,536"] < gone["float16"] / 10
    assert gone["bfloat16"] == 0.0


def test_the_script_for_a_machine_with_a_gpu_runs_on_a_cpu_and_says_so(tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    script = ROOT / "benchmarks" / "gpu_session.py"
    blocked = f"import sys; sys.modules.update(dict.fromkeys({LACKING!r}));"
    run = f"{blocked} sys.argv = [{str(script)!r}, '--short', '--out', {str(out)!r}];"
    code = f"{run} import runpy; runpy.run_path({str(script)!r}, run_name='__main__')"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert said.returncode == 0, said.stderr
    assert "CPU" in said.stdout
    found = json.loads(out.read_text())
    assert found["device"] == "CPU"
    assert found["errors"] == {}
    assert found["exercise"]["right"]
    assert found["exercise"]["pairs"] >= 1
    assert {"exercise", "device_figures", "lab5", "ddp"} <= found.keys()


def test_a_gpu_that_the_engine_cannot_give_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "docker"
    fake.write_text('#!/bin/sh\n[ "$1" = info ] && echo \'{"runc":{}}\'\nexit 0\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(MachineError, match=r"no NVIDIA GPU to give\. .* or leave out --gpu"):
        cluster.up(find("lab5_offload").constraints.machines, gpu=True)
    fake.write_text('#!/bin/sh\necho \'{"nvidia":{},"runc":{}}\'\n')
    engine.require_gpu()
