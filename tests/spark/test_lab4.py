"""Lab 4: the model against its definition, every way of training against the target, processes really killed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
import torch

from sparklimits.errors import SparkLimitsError
from sparklimits.labs.lab4_synchronisation import LAB, naive
from sparklimits.labs.lab4_synchronisation.data import (
    BATCHES,
    WORKERS,
    ClickData,
    exact_loss,
    load,
    make_data,
    read_data,
    synchronous,
    write_data,
)
from sparklimits.labs.lab4_synchronisation.training import allreduce, asynchronous, rounds
from sparklimits.labs.lab4_synchronisation.training.fm import Batch, new_table
from sparklimits.labs.lab4_synchronisation.training.rounds import Goal
from sparklimits.labs.lab4_synchronisation.training.rpc import Handle
from sparklimits.labs.lab4_synchronisation.training.server import Server
from sparklimits.machine.addresses import interface
from sparklimits.machine.paths import scratch
from sparklimits.spark import session
from tests.checking import quality

SCALE = 0.1


@pytest.fixture(scope="module")
def data() -> ClickData:
    return make_data(SCALE, 3, "main")


@pytest.fixture(scope="module")
def inputs(data: ClickData, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    spark = session.get(LAB.constraints)
    return load(spark, write_data(data, tmp_path_factory.mktemp("lab4") / "data"))


def some_clicks(rows: int = 30, count: int = 40, width: int = 5) -> tuple[Batch, np.ndarray]:
    rng = np.random.default_rng(5)
    batch = Batch(
        rng.integers(0, rows, (count, width)).astype(np.int32),
        rng.normal(size=(count, width)).astype(np.float32),
        rng.integers(0, 2, count).astype(np.float32),
        np.full(rows, 0.1, np.float32),
    )
    return batch, new_table(rows, 3, 1, scale=0.5)


def frame(table: np.ndarray) -> pd.DataFrame:
    return rounds.Training(table, []).as_outcome().table


# The model


def test_the_loss_is_that_of_the_definition() -> None:
    batch, table = some_clicks()
    total = 0.0
    for ids, values, label in zip(batch.ids, batch.values, batch.labels, strict=True):
        rows = list(zip(table[ids].astype(float), values, strict=True))
        logit = sum(row[0] * x for row, x in rows)
        logit += sum(float(a[1:] @ b[1:]) * x * y for (a, x), (b, y) in combinations(rows, 2))
        total += np.log1p(np.exp(logit)) - label * logit
    assert batch.loss(table) == pytest.approx(total / len(batch), rel=1e-5)
    assert exact_loss(table.astype(float), batch) == pytest.approx(total / len(batch), rel=1e-5)


def test_the_gradient_is_that_of_autograd() -> None:
    batch, table = some_clicks()
    parameters = torch.tensor(table, dtype=torch.float64, requires_grad=True)
    rows = parameters[torch.from_numpy(batch.ids).long()] * torch.from_numpy(batch.values)[:, :, None]
    pairs = (rows[:, :, 1:] @ rows[:, :, 1:].transpose(1, 2)).triu(diagonal=1).sum(dim=(1, 2))
    logits = rows[:, :, 0].sum(dim=1) + pairs
    labels = torch.from_numpy(batch.labels).double()
    torch.nn.functional.binary_cross_entropy_with_logits(logits, labels).backward()
    assert np.allclose(batch.gradient(table), parameters.grad.numpy(), atol=1e-6)


def test_the_touched_rows_are_all_that_a_change_needs_and_moves() -> None:
    batch, table = some_clicks(rows=500)
    rows, small = batch.touched()
    dense = batch.change(table)
    assert np.allclose(small.change(table[rows]), dense[rows], atol=1e-7)
    assert not np.delete(dense, rows, axis=0).any()


def test_load_costs_time_and_changes_nothing() -> None:
    batch, table = some_clicks()
    calls = []

    class Counted(Batch):
        def gradient(self, table: np.ndarray) -> np.ndarray:
            calls.append(1)
            return super().gradient(table)

    slow = Counted(batch.ids, batch.values, batch.labels, batch.rates, load=3)
    assert np.array_equal(
        slow.touched()[1].part(slice(0, 9)).change(table), slow.part(slice(0, 9)).change(table)
    )
    assert len(calls) == 2 * 4


# Data and check


def test_the_two_workers_hold_other_sites(data: ClickData) -> None:
    few, many = (float(part.labels.mean()) for part in data.train)
    assert many > few + 0.03
    assert data.best < data.target < data.constant


def test_the_written_shards_are_the_data(data: ClickData, tmp_path: Path) -> None:
    shards, held_out, start, target = read_data(write_data(data, tmp_path / "data"))
    assert (len(shards), target) == (WORKERS, data.target)
    assert np.array_equal(start, data.start)
    assert np.array_equal(held_out.ids, data.held_out.ids)
    for shard, batch in zip(shards, data.train, strict=True):
        seen = np.concatenate([shard.batch(step).labels for step in range(BATCHES)])
        assert np.array_equal(seen, batch.labels[: len(seen)])
        assert np.array_equal(shard.batch(BATCHES + 3).ids, shard.batch(3).ids)


def test_the_right_results_pass_and_each_wrong_one_is_named(data: ClickData) -> None:
    right = synchronous(data.train, data.start, 2 * BATCHES)
    assert quality(LAB, {"train_round": frame(right), "worker": frame(right)}, data).ok
    cases = [
        (frame(right[1:]), "the shape"),
        (frame(data.start), "the held-out loss is"),
        (frame(right + np.float32(np.nan)), "the held-out loss is nan"),
        (frame(right).astype(str).replace(r".*", "x", regex=True), "the held-out loss is nan"),
        # One worker's clicks alone do not do: the other has other sites.
        (frame(synchronous(data.train[:1], data.start, 2 * BATCHES)), "the held-out loss is"),
    ]
    for table, reason in cases:
        found = quality(LAB, {"worker": table}, data)
        assert not found.ok, reason
        assert reason in found.broken[0]


def test_a_scale_that_leaves_too_little_is_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        make_data(0.02, 1, "main")


# The server, without a network


def test_a_fast_worker_waits_at_the_bound() -> None:
    server = Server(np.zeros((4, 2), np.float32), 2, bound=1)
    one = np.ones((4, 2), np.float32)
    for _ in range(2):
        server.pull(0)
        server.push(0, one)
    fast = threading.Thread(target=server.pull, args=(0,))
    fast.start()
    fast.join(0.2)
    assert fast.is_alive()
    server.push(1, one[:2], np.array([3, 0]))
    fast.join(2.0)
    assert not fast.is_alive()
    assert (server.held, server.waits) == (1, 0)
    # Two workers share a step: each change counts half.
    assert server.table[:, 0].tolist() == [1.5, 1.0, 1.0, 1.5]
    # Three pulls of the whole table, two pushes of it, one push of two rows with their numbers.
    assert server.bytes == 3 * 32 + 2 * 32 + 16 + 16


def test_nobody_waits_for_a_worker_that_is_silent_or_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sparklimits.labs.lab4_synchronisation.training.server.LEASE", 0.3)
    server = Server(np.zeros((4, 2), np.float32), 2, bound=0)
    server.begin()
    server.push(0, server.table)
    began = time.monotonic()
    server.pull(0)
    assert 0.2 < time.monotonic() - began < 2.0
    server.push(1, server.table)  # it lives after all, and is behind
    server.push(1, server.table)
    server.leave(0)
    server.pull(1)


# On Spark


def test_a_round_is_one_synchronous_step(data: ClickData, inputs: dict[str, Any]) -> None:
    goal = replace(inputs["goal"], steps=3)
    training = rounds.train(naive.train_round, inputs["shards"], inputs["start"], goal)
    assert [step for _, step, _ in training.curve] == [1, 2, 3]
    assert np.allclose(training.table, synchronous(data.train, data.start, 3), atol=1e-6)
    assert training.curve[-1][2] == pytest.approx(
        exact_loss(training.table.astype(float), data.held_out), abs=1e-5
    )


def test_all_reduce_makes_the_same_steps(data: ClickData, inputs: dict[str, Any]) -> None:
    training = allreduce.train(inputs["shards"], inputs["start"], replace(inputs["goal"], steps=8))
    assert [step for _, step, _ in training.curve] == [4, 8]
    assert np.allclose(training.table, synchronous(data.train, data.start, 8), atol=1e-5)
    assert training.launch > 0


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda table, step: table, "must return the table and the next number"),
        (lambda table, step: (table[1:], step + 1), "of the shape"),
        (lambda table, step: (table, step), "it must go on"),
    ],
)
def test_a_round_that_returns_something_else_is_told(
    inputs: dict[str, Any], answer: Callable[..., Any], reason: str
) -> None:
    with pytest.raises(SparkLimitsError, match=reason):
        rounds.train(lambda shards, table, step: answer(table, step), None, inputs["start"], inputs["goal"])


def train_with(
    work: Callable[[Handle, Iterator[Batch]], None], inputs: dict[str, Any], goal: Goal | None = None
) -> rounds.Training:
    return asynchronous.train(work, inputs["shards"], inputs["start"], goal or inputs["goal"], naive.BOUND)


def test_the_naive_worker_keeps_in_step_and_reaches_the_target(
    data: ClickData, inputs: dict[str, Any]
) -> None:
    training = train_with(naive.worker, inputs)
    assert quality(LAB, {"worker": training.as_outcome().table}, data).ok
    assert training.counters["workers_lost"] == 0
    steps = training.curve[-1][1]
    # A pull and a push of the whole table for each step of each worker, but for those under way at the end.
    assert training.counters["server_bytes"] == pytest.approx(
        steps * WORKERS * 2 * data.start.nbytes, rel=0.1
    )
    assert training.counters["server_waits"] >= (steps - 2) * WORKERS
    assert training.counters["server_held"] == 0


def test_training_goes_on_when_a_worker_is_killed(data: ClickData, inputs: dict[str, Any]) -> None:
    def mortal(server: Handle, batches: Iterator[Batch]) -> None:
        for number, batch in enumerate(batches):
            if server.number == 1 and number == 10:
                os.kill(os.getpid(), signal.SIGKILL)
            rows, small = batch.touched()
            server.push(small.change(server.pull(rows)), rows)

    training = train_with(mortal, inputs, replace(inputs["goal"], steps=60, loss=0.0))
    assert training.counters["workers_lost"] == 1
    assert training.curve[-1][1] >= 60
    # The other worker went on to the bound, was held there until the dead one's lease was over, and went on again.
    assert training.counters["server_held"] >= 1
    looks = Counter(steps for _, steps, _ in training.curve)
    held, _ = looks.most_common(1)[0]
    assert 10 <= held <= 10 + naive.BOUND + 1
    losses = [loss for _, _, loss in training.curve]
    assert losses[-1] < losses[0] < data.constant + 0.2


def test_a_killed_server_is_an_error_that_says_so(inputs: dict[str, Any]) -> None:
    def treacherous(server: Handle, batches: Iterator[Batch]) -> None:
        from torch.distributed import rpc

        for number, batch in enumerate(batches):
            if server.number == 0 and number == 10:
                os.kill(rpc.rpc_sync("server", os.getpid), signal.SIGKILL)
            server.push(batch.change(server.pull()))

    began = time.monotonic()
    with pytest.raises(SparkLimitsError, match=r"The parameter server died .* \(was killed by SIGKILL\)"):
        train_with(treacherous, inputs, replace(inputs["goal"], loss=0.0))
    assert time.monotonic() - began < 30
    assert not trainers_left()
    # The cluster is whole, and trains again.
    assert train_with(naive.worker, inputs).counters["workers_lost"] == 0


def test_when_all_workers_fail_their_error_is_told(inputs: dict[str, Any]) -> None:
    def wrong(server: Handle, batches: Iterator[Batch]) -> None:
        for batch in batches:
            rows, small = batch.touched()
            server.push(small.change(server.pull(rows))[1:], rows)

    with pytest.raises(
        SparkLimitsError, match=r"No worker is left: worker 0: ValueError: \d+ rows are named"
    ):
        train_with(wrong, inputs)
    assert not trainers_left()


def trainers_left(patience: float = 10.0) -> list[psutil.Process]:
    """Processes of a training of this session that still run so many seconds later."""
    until = time.monotonic() + patience
    while True:
        found = [
            process
            for process in psutil.process_iter(["cmdline"])
            if "sparklimits.labs.lab4_synchronisation.training.rpc" in (process.info["cmdline"] or [])
            and _is_ours(process)
        ]
        if not found or time.monotonic() > until:
            return found
        psutil.wait_procs(found, timeout=0.5)


def _is_ours(process: psutil.Process) -> bool:
    """The server is a child of this process; workers, also orphans, have their executor's variables."""
    try:
        own = any(str(scratch()) in value for value in process.environ().values())
        return own or os.getpid() in {parent.pid for parent in process.parents()}
    except psutil.Error:  # it has ended
        return False


def test_the_interface_that_leads_to_a_host_is_found() -> None:
    assert interface("127.0.0.1") in ("lo", "lo0")
    names = [name for _, name in socket.if_nameindex()]
    # No packet is sent: which interface would take it is a matter of routes. A machine may have none that leads there.
    with contextlib.suppress(OSError):
        assert interface("192.0.2.1") in (*names, None)
