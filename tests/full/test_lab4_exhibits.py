"""Lab 4's exhibits on Spark: a table on two servers, an all-reduce of one's own, sparse changes, MLlib's machine."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sparklimits.errors import SparkLimitsError
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs.lab4_synchronisation import LAB, naive
from sparklimits.labs.lab4_synchronisation.data import (
    BATCHES,
    RANK,
    ClickData,
    exact_loss,
    load,
    make_data,
    synchronous,
    write_data,
)
from sparklimits.labs.lab4_synchronisation.training import allreduce, asynchronous, mllib
from sparklimits.labs.lab4_synchronisation.training.compression import pushes_largest
from sparklimits.labs.lab4_synchronisation.training.fm import Batch
from sparklimits.labs.lab4_synchronisation.training.rpc import Handle
from sparklimits.labs.lab4_synchronisation.training.sharding import Sharding
from tests.sessions import shared


@pytest.fixture(scope="module")
def data() -> ClickData:
    return make_data(0.1, 3, "main")


@pytest.fixture(scope="module")
def inputs(data: ClickData, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return load(shared(LAB), write_data(data, tmp_path_factory.mktemp("lab4") / "data"))


@pytest.mark.parametrize("by", ["range", "hash"])
def test_two_servers_make_the_steps_of_one_and_share_the_bytes(
    data: ClickData, inputs: dict[str, Any], by: Any
) -> None:
    def worker(server: Handle, batches: Iterator[Batch]) -> None:
        for batch in batches:
            rows, few = batch.touched()
            server.push(few.change(server.pull(rows)), rows)
            server.wait()

    goal = replace(inputs["goal"], steps=12, loss=0.0)
    training = asynchronous.train(
        worker, inputs["shards"], inputs["start"], goal, None, Sharding(len(data.start), 2, by)
    )
    steps = training.curve[-1][1]
    assert steps >= 12
    # In step, the steps are the synchronous ones; a worker may have one more on its way at the end.
    right = synchronous(data.train, data.start, steps)
    assert exact_loss(training.table.astype(float), data.held_out) == pytest.approx(
        exact_loss(right.astype(float), data.held_out), abs=2e-3
    )
    first, second = training.notes["bytes_of_each_server"]
    assert 0.8 < first / second < 1.25
    assert first + second == training.counters["server_bytes"]
    assert len(training.notes["seconds_waited"]) == 2


def test_whole_tables_go_through_two_servers_too(data: ClickData, inputs: dict[str, Any]) -> None:
    found = naive.with_server(naive.worker, {**inputs, "goal": replace(inputs["goal"], steps=8)}, servers=2)
    assert found.notes["curve"][-1][1] >= 8
    assert found.notes["curve"][-1][2] < found.notes["curve"][0][2]


def test_when_the_second_server_dies_it_is_said(inputs: dict[str, Any]) -> None:
    def treacherous(server: Handle, batches: Iterator[Batch]) -> None:
        from torch.distributed import rpc

        for number, batch in enumerate(batches):
            if server.number == 0 and number == 5:
                os.kill(rpc.rpc_sync("server1", os.getpid), signal.SIGKILL)
            server.push(batch.change(server.pull()))

    with pytest.raises(SparkLimitsError, match=r"The parameter server died .* \(was killed by SIGKILL\)"):
        naive.with_server(treacherous, {**inputs, "goal": replace(inputs["goal"], loss=0.0)}, servers=2)


def test_an_all_reduce_of_ones_own_makes_the_same_steps(data: ClickData, inputs: dict[str, Any]) -> None:
    mine = load_functions(reference_path(LAB), LAB)["all_reduce"]
    goal = replace(inputs["goal"], steps=8, loss=0.0)
    training = allreduce.train(inputs["shards"], inputs["start"], goal, mine)
    assert np.allclose(training.table, synchronous(data.train, data.start, 8), atol=1e-5)
    # Eight steps, and the one in which the workers agree to end; half of the numbers go out in each of two rounds.
    assert training.counters["ring_bytes"] == pytest.approx(9 * data.start.nbytes, rel=0.01)


def test_few_rows_of_each_change_are_enough(data: ClickData, inputs: dict[str, Any]) -> None:
    dense = naive.with_server(pushes_largest(naive.worker, 100_000), inputs)
    sparse = naive.with_server(pushes_largest(naive.worker, 300), inputs)
    assert sparse.notes["curve"][-1][2] <= data.target
    assert sparse.counts["server_pushed_bytes"] < 0.7 * dense.counts["server_pushed_bytes"]


def test_mllib_trains_on_the_same_clicks(data: ClickData, inputs: dict[str, Any]) -> None:
    clicks = mllib.clicks(shared(LAB), inputs["shards"])
    used = [batch.part(slice(0, len(batch) // BATCHES * BATCHES)) for batch in data.train]
    assert clicks.count() == sum(map(len, used))
    assert clicks.rdd.getNumPartitions() == 2
    assert clicks.groupBy().sum("label").first()[0] == sum(float(batch.labels.sum()) for batch in used)
    losses = []
    for steps in (1, 12):
        training = mllib.train(clicks, inputs["goal"], RANK, 1 / BATCHES, steps)
        assert training.table.shape == data.start.shape
        losses.append(training.curve[-1][2])
        assert exact_loss(training.table.astype(float), data.held_out) == pytest.approx(losses[-1], abs=1e-5)
    assert losses[1] < losses[0]
