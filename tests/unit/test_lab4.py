"""Lab 4's parts that need no Spark: adding up in a ring, sparse changes, and a table on several servers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sparklimits.errors import SparkLimitsError
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs.lab4_synchronisation import LAB, naive
from sparklimits.labs.lab4_synchronisation.data import ClickData, check_all_reduce
from sparklimits.labs.lab4_synchronisation.training import ring
from sparklimits.labs.lab4_synchronisation.training.compression import Largest, pushes_largest
from sparklimits.labs.lab4_synchronisation.training.fm import Batch, Table, new_table
from sparklimits.labs.lab4_synchronisation.training.ring import AllReduce, Numbers, Ring
from sparklimits.labs.lab4_synchronisation.training.server import Rows, Server
from sparklimits.labs.lab4_synchronisation.training.sharding import Sharding
from sparklimits.measurement.bars import counter_share

REFERENCE: AllReduce = load_functions(reference_path(LAB), LAB)["all_reduce"]


def parts_of(workers: int, count: int) -> Numbers:
    return np.random.default_rng(workers).normal(size=(workers, count)).astype(np.float32)


# The ring


@pytest.mark.parametrize("way", [naive.all_reduce, REFERENCE])
@pytest.mark.parametrize(("workers", "count"), [(1, 4), (2, 7), (3, 30), (8, 50), (8, 3)])
def test_every_worker_ends_with_the_sum(way: AllReduce, workers: int, count: int) -> None:
    parts = parts_of(workers, count)
    before = parts.copy()
    sums, _ = ring.among_threads(way, parts)
    np.testing.assert_allclose(sums, np.tile(parts.sum(axis=0), (workers, 1)), atol=1e-5)
    np.testing.assert_array_equal(parts, before)


def down_and_up(mine: Numbers, ring: Ring) -> Numbers:
    """Right sums, and few bytes over each link, but one link after the other."""
    total = mine if ring.number == 0 else mine + ring.receive()
    ring.send(total)
    if ring.number == ring.size - 1:
        return total
    total = ring.receive()
    if ring.number < ring.size - 2:
        ring.send(total)
    return total


def test_bytes_count_when_they_must_go_one_after_another() -> None:
    workers, count = 8, 50_021
    whole, piece = 4 * count, 4 * -(-count // workers)
    bar = LAB.bars["all_reduce"]
    for way, in_a_row, share in [
        (naive.all_reduce, (workers - 1) * whole, 0.0),
        (REFERENCE, 2 * (workers - 1) * piece, 1.0),
        (down_and_up, 2 * (workers - 1) * whole, 0.0),
    ]:
        _, rings = ring.among_threads(way, parts_of(workers, count))
        longest = max(one.in_a_row for one in rings)
        assert 0.99 * in_a_row <= longest <= in_a_row
        assert counter_share(longest, bar.good, bar.bad) == share


def test_what_was_sent_does_not_change_afterwards() -> None:
    def way(mine: Numbers, ring: Ring) -> Numbers:
        ring.send(mine)
        mine += 100
        return ring.receive()

    parts = parts_of(2, 3)
    sums, _ = ring.among_threads(way, parts)
    np.testing.assert_array_equal(sums, parts[::-1])


def waits_in_vain(mine: Numbers, ring: Ring) -> Numbers:
    return mine + ring.receive()


def fails_on_one(mine: Numbers, ring: Ring) -> Numbers:
    if ring.number == 2:
        raise KeyError("my mistake")
    return naive.all_reduce(mine, ring)


@pytest.mark.parametrize(
    ("way", "error", "told"),
    [
        (waits_in_vain, SparkLimitsError, r"waited 0 s for numbers that worker \d never sent"),
        (fails_on_one, KeyError, "my mistake"),
        (lambda mine, ring: None, SparkLimitsError, "returned a NoneType; it must return the sum, 6 numbers"),
        (lambda mine, ring: mine[1:], SparkLimitsError, r"numbers of the shape \(5,\)"),
        (lambda mine, ring: ["x"] * len(mine), SparkLimitsError, "it must return the sum"),
    ],
)
def test_what_is_wrong_is_said_and_nobody_waits_long(
    way: AllReduce, error: type[Exception], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ring, "PATIENCE", 0.2)
    with pytest.raises(error, match=told):
        ring.among_threads(way, parts_of(4, 6))


def quality_of(way: AllReduce) -> Any:
    parts = parts_of(4, 1_001)
    nothing: Any = None
    data = ClickData((), nothing, nothing, 0.0, 0.0, 0.0, parts)
    outcome = naive.in_ring(way, {"parts": parts})
    outcome.table.attrs = dict(outcome.notes)
    return check_all_reduce(outcome.table, data)


def past_the_ring() -> AllReduce:
    """The workers are threads of one process, and can meet elsewhere."""
    seen: list[Numbers] = []
    met = threading.Barrier(4)

    def way(mine: Numbers, ring: Ring) -> Numbers:
        seen.append(mine)
        met.wait()
        return np.sum(seen, axis=0)

    return way


def test_right_sums_pass_and_wrong_ones_are_named() -> None:
    def one_is_missing(mine: Numbers, ring: Ring) -> Numbers:
        return naive.all_reduce(mine, ring) - (mine if ring.number == 3 else 0)

    assert quality_of(naive.all_reduce).ok
    assert quality_of(REFERENCE).ok
    assert quality_of(one_is_missing).broken == ("all_reduce: the sum is wrong on 1 of 4 workers (3)",)
    (reason,) = quality_of(past_the_ring()).broken
    assert "0 bytes were sent" in reason
    assert "did not go through the ring" in reason


# Sparse changes


def test_the_rows_that_move_furthest_travel_and_the_others_are_kept() -> None:
    largest = Largest(keep=1, rows=5, columns=2)
    values, rows = largest.of(np.array([[3, 0], [1, 1]], np.float32), np.array([4, 0]))
    assert (rows.tolist(), values.tolist()) == ([4], [[3, 0]])
    # Row 0 has waited; its second change makes it the furthest.
    values, rows = largest.of(np.array([[1, 1], [0, 2.5]], np.float32), np.array([0, 2]))
    assert (rows.tolist(), values.tolist()) == ([0], [[2, 2]])
    values, rows = largest.of(np.zeros((0, 2), np.float32), np.zeros(0, np.int64))
    assert (rows.tolist(), values.tolist()) == ([2], [[0, 2.5]])
    assert not largest.left.any()


def test_without_memory_the_others_are_lost() -> None:
    largest = Largest(keep=1, rows=5, columns=2, remember=False)
    largest.of(np.array([[3, 0], [1, 1]], np.float32), np.array([4, 0]))
    _, rows = largest.of(np.zeros((0, 2), np.float32), np.zeros(0, np.int64))
    assert rows.tolist() == []


class Alone:
    """A server without a network, with one worker, that ends after so many pushes."""

    def __init__(self, table: Table) -> None:
        self.server, self.number, self.rows = Server(table, 1, None), 0, len(table)

    def pull(self, rows: Rows | None = None) -> Table:
        return self.server.pull(0, rows)

    def push(self, change: Table, rows: Rows | None = None) -> None:
        self.server.push(0, change, rows)

    def wait(self) -> None:
        self.server.wait(0)


def trained(keep: int, remember: bool = True) -> tuple[float, int]:
    """The loss after forty steps on some clicks of 200 features, and the bytes that were pushed."""
    rng = np.random.default_rng(2)
    ids = rng.integers(0, 200, (400, 5)).astype(np.int32)
    truth = rng.normal(size=200)
    labels = (truth[ids].sum(axis=1) > 0).astype(np.float32)
    clicks = Batch(ids, np.ones((400, 5), np.float32), labels, np.full(200, 20.0, np.float32))
    alone = Alone(new_table(200, 3, 1))
    steps: Callable[..., Any] = pushes_largest(naive.worker, keep, remember)
    steps(alone, [clicks.piece(step, 4) for step in range(40)])
    return clicks.loss(alone.server.table), alone.server.pushed


def test_few_rows_with_memory_learn_more_than_without() -> None:
    everything, kept, dropped = trained(200), trained(20), trained(20, remember=False)
    assert kept[1] == dropped[1] < everything[1] / 5
    assert everything[0] < kept[0] < dropped[0]


# Several servers


@pytest.mark.parametrize("by", ["range", "hash"])
@pytest.mark.parametrize(("rows", "servers"), [(1_000, 1), (1_001, 2), (1_000, 7)])
def test_several_servers_hold_the_table_of_one(rows: int, servers: int, by: Any) -> None:
    table = new_table(rows, 2, 1)
    sharding = Sharding(rows, servers, by)
    parts = sharding.parted(table)
    np.testing.assert_array_equal(sharding.joined(parts), table)
    assert max(map(len, parts)) <= 1.1 * rows / servers
    wanted = np.random.default_rng(3).permutation(rows)[:100]
    found = np.empty((100, 3), np.float32)
    for (mine, there), part in zip(sharding.split(wanted), parts, strict=True):
        found[mine] = part[there]
    np.testing.assert_array_equal(found, table[wanted])


def test_a_range_keeps_neighbours_together_and_a_hash_parts_them() -> None:
    together, apart = Sharding(1_000, 2), replace(Sharding(1_000, 2), by="hash")
    hot = np.arange(100)
    assert [len(there) for _, there in together.split(hot)] == [100, 0]
    assert all(30 < len(there) < 70 for _, there in apart.split(hot))
