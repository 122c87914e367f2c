"""The naive ways of lab 4, and the trainings that drive them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from operator import add
from typing import Any

from sparklimits.labs.lab4_synchronisation.training import allreduce, asynchronous, rounds
from sparklimits.labs.lab4_synchronisation.training.fm import Batch, Table
from sparklimits.labs.lab4_synchronisation.training.rpc import Handle
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


def in_rounds(solution: Solution, inputs: Mapping[str, Any]) -> Outcome:
    """Trains by calling a ``train_round`` until the target is reached."""
    return rounds.train(solution, inputs["shards"], inputs["start"], inputs["goal"]).as_outcome()


def with_server(solution: Solution, inputs: Mapping[str, Any], bound: int | None = BOUND) -> Outcome:
    """Trains with a parameter server, and a ``worker`` on each executor, until the target is reached.

    No worker is more than ``bound`` pushes ahead of the slowest one; with none, nothing holds it.
    """
    return asynchronous.train(solution, inputs["shards"], inputs["start"], inputs["goal"], bound).as_outcome()


def with_all_reduce(inputs: Mapping[str, Any]) -> Outcome:
    """Trains in step, by an all-reduce among the executors after each batch, until the target is reached."""
    return allreduce.train(inputs["shards"], inputs["start"], inputs["goal"]).as_outcome()


def with_slow_machine(inputs: Mapping[str, Any], load: int) -> dict[str, Any]:
    """The same inputs, but the machine of the second shard computes every change ``load`` times more than needed."""

    def loaded(shard: Shard) -> Shard:
        return replace(shard, load=load) if shard.number == 1 else shard

    return {**inputs, "shards": inputs["shards"].map(loaded)}
