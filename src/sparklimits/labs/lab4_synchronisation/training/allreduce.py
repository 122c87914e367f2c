"""Synchronous training without a driver in the middle: an all-reduce over gloo, in one barrier stage.

Spark starts the workers, all at once, and hears of them again when they have finished. In between they add up their
changes among themselves after every step, by gloo's own all-reduce or by one that is handed in.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np

from sparklimits.labs.lab4_synchronisation.training.fm import Table
from sparklimits.labs.lab4_synchronisation.training.ring import AllReduce, InGroup
from sparklimits.labs.lab4_synchronisation.training.rounds import Curve, Goal, Training
from sparklimits.labs.lab4_synchronisation.training.shards import Shard
from sparklimits.machine.addresses import free_port, interface

#: Steps between two looks at the held-out loss.
_LOOK = 4


def train(shards: Any, table: Table, goal: Goal, all_reduce: AllReduce | None = None) -> Training:
    """Trains with a worker for each shard, in step, until the goal is reached.

    ``shards`` is an RDD with a shard in each partition, and the cluster has a slot for each. When a worker dies,
    Spark starts all of them again, from the first step: it cannot do otherwise with a barrier stage.

    ``all_reduce`` adds up in the place of gloo's own; then ``ring_bytes`` counts what a worker sent by it.
    """
    began = time.time()
    sent = shards.context.broadcast((table, goal))
    found = shards.barrier().mapPartitions(lambda part: _work(part, sent.value, all_reduce)).collect()
    sent.destroy()
    ready, curve, table, bytes_sent = next(one for one in found if one)
    launch = ready - began
    curve = [(launch + seconds, step, loss) for seconds, step, loss in curve]
    return Training(table, curve, launch, {"ring_bytes": bytes_sent} if all_reduce else {})


def _work(part: Iterator[Shard], sent: tuple[Table, Goal], all_reduce: AllReduce | None) -> Iterator[Any]:
    """In a barrier task: all steps of one worker. The first worker gives the result, the others nothing."""
    import torch
    from pyspark import BarrierTaskContext
    from torch import distributed

    (shard,), (table, goal) = part, sent
    me = BarrierTaskContext.get()
    rank, workers = me.partitionId(), me.getTaskInfos()
    host = workers[0].address.split(":")[0]
    if name := interface(host):
        os.environ["GLOO_SOCKET_IFNAME"] = name
    port = me.allGather(str(free_port("")))[0]
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"tcp://{host}:{port}", rank=rank, world_size=len(workers),
        timeout=timedelta(seconds=60),
    )  # fmt: skip
    try:
        ring = InGroup()
        ready = time.time()
        curve: Curve = []
        table = table.copy()
        # The last number says whether a worker wants to end; it travels with the changes.
        sums = torch.zeros(table.size + 1)
        change = sums[:-1].numpy().reshape(table.shape)  # the same memory
        step = 0
        while True:
            # Only the touched rows are computed; all rows travel.
            rows, few = shard.batch(step).touched()
            change[:] = 0
            change[rows] = few.change(table[rows])
            sums[-1] = bool(curve) and goal.ends(*curve[-1])
            if all_reduce is None:
                distributed.all_reduce(sums)
            else:
                sums.numpy()[:] = ring.sum(sums.numpy(), all_reduce)
            if sums[-1]:
                break
            table += change / np.float32(len(workers))
            step += 1
            if rank == 0 and step % _LOOK == 0:
                curve.append((time.time() - ready, step, goal.held_out.loss(table)))
        yield (ready, curve, table, ring.sent) if rank == 0 else None
    finally:
        distributed.destroy_process_group()
