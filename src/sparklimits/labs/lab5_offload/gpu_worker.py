"""Trains where Spark has a GPU: in a process on a worker, started by ``TorchDistributor``, with the card that Spark's
scheduler gave to its task.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from sparklimits.labs.lab5_offload import accelerator
from sparklimits.labs.lab5_offload.device_training import PROBLEMS, TrainOn
from sparklimits.labs.lab5_offload.networks import device
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


def train(spark: SparkSession, train_on: TrainOn) -> dict[str, Any]:
    """One pass of the exercise on a worker of this session, which must have been made for ``GPU``.

    Returns the ``device`` by name, the addresses of the ``cards`` that Spark gave, and the mean ``loss``.
    """
    from pyspark.ml.torch.distributor import TorchDistributor

    found: Any = TorchDistributor(num_processes=1, local_mode=False, use_gpu=True).run(_train, train_on)
    return dict(found)


def _train(train_on: TrainOn) -> dict[str, Any]:
    place = device()
    problem = PROBLEMS[place.type]
    loss = train_on(problem.network(), *problem.data(0), place, problem.batch)
    # TorchDistributor passes the addresses of its task's resources on as CUDA knows them.
    cards = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return {"device": accelerator.name(place), "cards": cards, "loss": loss}


def show(train_on: TrainOn) -> None:
    """Trains on a worker with a GPU and prints where that was; or one line that says that there is none."""
    if session.backend() == "embedded" or device().type != "cuda":
        print(
            "No worker has a GPU here: this ran on the CPU of this program. "
            "course/docker.md shows the cluster that has one."
        )
        return
    found, _ = isolated.run(lambda spark: train(spark, train_on), GPU)
    print(f"Trained on a worker by {found['device']}, card {found['cards']}: mean loss {found['loss']:.4f}")
