"""Trains where Spark has a GPU: in a process on a worker, started by ``TorchDistributor``, with the card that Spark's
scheduler gave to its task, as one of a group of DistributedDataParallel.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from sparklimits.labs.lab7_gpu.data import make_data
from sparklimits.labs.lab7_gpu.naive import new_network
from sparklimits.machine.gpu import device
from sparklimits.measurement.lab import Solution
from sparklimits.spark import isolated, session
from sparklimits.spark.constraints import Constraints

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: What a session asks of the cluster: executors that have a card, and one card for each task.
GPU = Constraints(
    executors=1,
    settings={"spark.executor.resource.gpu.amount": "1", "spark.task.resource.gpu.amount": "1"},
    reasons={
        "spark.executor.resource.gpu.amount": "only a worker that has discovered a GPU may start an executor",
        "spark.task.resource.gpu.amount": "the training has the card to itself",
    },
)
#: Of the lab's data: enough to see that it trains.
SHARE = 0.1


def train(spark: SparkSession, train_epoch: Solution) -> dict[str, Any]:
    """One pass of the exercise on a worker of this session, which must have been made for ``GPU``.

    Returns the ``device`` by name, the addresses of the ``cards`` that Spark gave, the mean ``loss``, and how many
    processes were in the ``group``.
    """
    from pyspark.ml.torch.distributor import TorchDistributor

    found: Any = TorchDistributor(num_processes=1, local_mode=False, use_gpu=True).run(_train, train_epoch)
    return dict(found)


def _train(train_epoch: Solution) -> dict[str, Any]:
    import torch
    from torch import distributed

    from sparklimits.labs.lab7_gpu import accelerator
    from sparklimits.labs.process_group import in_group

    place, data = device(), make_data(SHARE, 0, "main")
    # TorchDistributor has set what the group needs to find its members: here the only one.
    distributed.init_process_group("nccl" if place.type == "cuda" else "gloo")
    group = distributed.get_world_size()
    flat = np.concatenate([part.ravel() for layer in data.start for part in layer])
    rows, labels = torch.from_numpy(data.rows), torch.from_numpy(data.labels)
    loss = in_group(new_network(flat).to(place), lambda network: train_epoch(network, rows, labels, place))
    # TorchDistributor passes the addresses of its task's resources on as CUDA knows them.
    cards = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return {"device": accelerator.name(place), "cards": cards, "loss": loss, "group": group}


def show(train_epoch: Solution) -> None:
    """Trains on a worker with a GPU and prints where that was; or one line that says that there is none."""
    if session.backend() == "embedded" or device().type != "cuda":
        print(
            "No worker of this cluster has a GPU, so nothing ran here. "
            "course/docker.md shows the cluster that has one."
        )
        return
    found, _ = isolated.run(lambda spark: train(spark, train_epoch), GPU)
    print(f"Trained on a worker by {found['device']}, card {found['cards']}: mean loss {found['loss']:.4f}")
