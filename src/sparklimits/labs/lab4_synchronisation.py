"""Lab 4, parameter synchronisation: a factorization machine on clicks, trained by two executors together.

Every way of training starts from the same table, uses the same batches, and ends when the same loss on held-out
clicks is reached.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparklimits.cluster import Constraints
from sparklimits.labs.base import Lab, Solution, Task
from sparklimits.labs.lab4_data import check, make_data, read_data, write_data
from sparklimits.training import allreduce, asynchronous, rounds
from sparklimits.training.fm import Batch, Table
from sparklimits.training.rounds import Goal
from sparklimits.training.rpc import Handle
from sparklimits.training.shards import Shard

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import SparkSession

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


def in_rounds(solution: Solution, inputs: Mapping[str, Any]) -> pd.DataFrame:
    """Trains by calling a ``train_round`` until the target is reached."""
    return rounds.train(solution, inputs["shards"], inputs["start"], inputs["goal"]).as_frame()


def with_server(solution: Solution, inputs: Mapping[str, Any], bound: int | None = BOUND) -> pd.DataFrame:
    """Trains with a parameter server, and a ``worker`` on each executor, until the target is reached.

    No worker is more than ``bound`` pushes ahead of the slowest one; with none, nothing holds it.
    """
    return asynchronous.train(solution, inputs["shards"], inputs["start"], inputs["goal"], bound).as_frame()


def with_all_reduce(inputs: Mapping[str, Any]) -> pd.DataFrame:
    """Trains in step, by an all-reduce among the executors after each batch, until the target is reached."""
    return allreduce.train(inputs["shards"], inputs["start"], inputs["goal"]).as_frame()


def with_slow_machine(inputs: Mapping[str, Any], load: int) -> dict[str, Any]:
    """The same inputs, but the machine of the second shard computes every change ``load`` times more than needed."""

    def loaded(shard: Shard) -> Shard:
        return replace(shard, load=load) if shard.number == 1 else shard

    return {**inputs, "shards": inputs["shards"].map(loaded)}


def load(spark: SparkSession, folder: Path) -> dict[str, Any]:
    """The shards as an RDD with one for each executor, the table to start from, and the goal."""
    found, held_out, start, target = read_data(folder)
    return {
        "shards": spark.sparkContext.parallelize(found, len(found)),
        "start": start,
        "goal": Goal(held_out, target),
    }


LAB = Lab(
    id="lab4_synchronisation",
    limitation="parameter synchronisation",
    fix="local steps, sparse asynchronous pull and push",
    explains="jobs",
    constraints=Constraints(),
    tasks=(
        Task("train_round", train_round, (), "jobs", good=6, bad=40, drive=in_rounds),
        Task("worker", worker, (), "server_bytes", good=90e6, bad=300e6, drive=with_server, timed=False),
    ),
    gain=17.0,
    make_data=make_data,
    write_data=write_data,
    load=load,
    check=check,
    variants=("main", "other"),
    shown=("task_seconds",),
    warm_up=1.0,
)
