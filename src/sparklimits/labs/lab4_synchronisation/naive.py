"""The naive ways of lab 4, and the trainings that drive them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from operator import add
from typing import Any

import pandas as pd

from sparklimits.labs.lab4_synchronisation.training import allreduce, asynchronous, ring, rounds
from sparklimits.labs.lab4_synchronisation.training.fm import Batch, Table
from sparklimits.labs.lab4_synchronisation.training.ring import AllReduce, Numbers, Ring
from sparklimits.labs.lab4_synchronisation.training.rpc import Handle
from sparklimits.labs.lab4_synchronisation.training.sharding import Sharding
from sparklimits.labs.lab4_synchronisation.training.shards import Shard
from sparklimits.measurement.lab import Outcome, Solution

#: How many pushes a worker may be ahead of the slowest one.
BOUND = 16


def train_round(shards: Any, table: Table, start: int) -> tuple[Table, int]:
    """One step of synchronous training: one Spark job.

    ``shards`` is an RDD with a shard of the clicks on each executor, ``start`` the number of the next batch. Every
    shard computes what its batch would change, and the mean of the changes is added to the table. Returns the
    table and the number of the batch that comes next.
    """
    sent = shards.context.broadcast(table)
    total = shards.map(lambda shard: shard.batch(start).change(sent.value)).reduce(add)
    sent.destroy()
    return table + total / shards.getNumPartitions(), start + 1


def worker(server: Handle, batches: Iterator[Batch]) -> None:
    """One worker of a training with a parameter server, in step with the others.

    ``batches`` ends when the target is reached.
    """
    for batch in batches:
        table = server.pull()
        server.push(batch.change(table))
        server.wait()


def all_reduce(mine: Numbers, ring: Ring) -> Numbers:
    """The sum of all workers' numbers, for each of them. The numbers of each go all the way round.

    ``mine`` are this worker's own, float32 in a row. There are ``ring.size`` workers; ``ring.number`` is this one's,
    from 0.
    """
    total, passing = mine.copy(), mine
    for _ in range(ring.size - 1):
        ring.send(passing)
        passing = ring.receive()
        total += passing
    return total


def in_rounds(solution: Solution, inputs: Mapping[str, Any]) -> Outcome:
    """Trains by calling a ``train_round`` until the target is reached."""
    return rounds.train(solution, inputs["shards"], inputs["start"], inputs["goal"]).as_outcome()


def with_server(
    solution: Solution, inputs: Mapping[str, Any], bound: int | None = BOUND, servers: int = 1
) -> Outcome:
    """Trains with a parameter server, and a ``worker`` on each executor, until the target is reached.

    No worker is more than ``bound`` pushes ahead of the slowest one; with none, nothing holds it. Several ``servers``
    hold a range of the rows each.
    """
    table = inputs["start"]
    sharding = Sharding(len(table), servers)
    return asynchronous.train(solution, inputs["shards"], table, inputs["goal"], bound, sharding).as_outcome()


def with_all_reduce(inputs: Mapping[str, Any], all_reduce: AllReduce | None = None) -> Outcome:
    """Trains in step, by an all-reduce among the executors after each batch, until the target is reached.

    Without an ``all_reduce`` the one of PyTorch adds up.
    """
    return allreduce.train(inputs["shards"], inputs["start"], inputs["goal"], all_reduce).as_outcome()


def in_ring(solution: Solution, inputs: Mapping[str, Any]) -> Outcome:
    """Adds up by an ``all_reduce`` in a ring of eight workers, which are threads: what each of them ends with."""
    sums, rings = ring.among_threads(solution, inputs["parts"])
    table = pd.DataFrame(sums.T, columns=[f"worker{one.number}" for one in rings])
    counts = {"ring_bytes": max(one.in_a_row for one in rings)}
    return Outcome(table, counts, {"sent": max(one.sent for one in rings)})


def with_slow_machine(inputs: Mapping[str, Any], load: int) -> dict[str, Any]:
    """The same inputs, but the machine of the second shard computes every change ``load`` times more than needed."""

    def loaded(shard: Shard) -> Shard:
        return replace(shard, load=load) if shard.number == 1 else shard

    return {**inputs, "shards": inputs["shards"].map(loaded)}
