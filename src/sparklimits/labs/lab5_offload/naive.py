"""The naive ways of lab 5, and how they are driven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sparklimits.datasets.clicks import CATEGORIES, LABEL, NUMBERS
from sparklimits.labs.lab5_offload.data import (
    BUCKETS,
    CENTRE,
    ITERATIONS,
    SIZES,
    ClickData,
    dense,
    fields,
    labels_of,
    read_extras,
    scores,
)
from sparklimits.measurement.lab import Outcome, Solution

if TYPE_CHECKING:
    from pyspark.accumulators import Accumulator
    from pyspark.ml.classification import MultilayerPerceptronClassificationModel
    from pyspark.sql import DataFrame, SparkSession

    from sparklimits.labs.lab5_offload.networks import Mlp, Network


def features(clicks: DataFrame, vocabulary: Mapping[str, Sequence[str]]) -> DataFrame:
    """The clicks as the networks read them: ``row``, ``label``, and two arrays of float.

    ``features`` holds the numbers, and a 1 or 0 for each of the frequent values in ``vocabulary``: the rare ones are
    lost. ``fields`` holds an id for each category, whatever its value, and the numbers.
    """
    from pyspark.sql import functions as F

    zero = F.lit(0.0).cast("float")
    # `greatest` passes over a missing number, so that the number itself must say whether it is there.
    logs = {name: (F.log1p(F.greatest(F.col(name), F.lit(0))) - CENTRE).cast("float") for name in NUMBERS}
    numbers = [F.when(F.col(name).isNotNull(), log).otherwise(zero) for name, log in logs.items()]
    frequent = [(F.col(name), value) for name in CATEGORIES for value in vocabulary[name]]
    hot = [F.coalesce((column == value).cast("float"), zero) for column, value in frequent]
    named = [F.concat(F.lit(f"{name}="), F.coalesce(F.col(name), F.lit(""))) for name in CATEGORIES]
    ids = [(F.crc32(name) % BUCKETS).cast("float") for name in named]
    return clicks.select(
        "row", LABEL, F.array(*numbers, *hot).alias("features"), F.array(*ids, *numbers).alias("fields")
    )


def fit_mllib(
    clicks: DataFrame, sizes: Sequence[int], iterations: int = ITERATIONS
) -> MultilayerPerceptronClassificationModel:
    """MLlib's multilayer perceptron on ``features``."""
    from pyspark.ml.classification import MultilayerPerceptronClassifier
    from pyspark.ml.functions import array_to_vector

    table = clicks.select(LABEL, array_to_vector(clicks["features"]).alias("features"))
    return MultilayerPerceptronClassifier(layers=list(sizes), maxIter=iterations).fit(table)


def train_model(clicks: DataFrame, network: Mlp, iterations: int = ITERATIONS) -> Mlp:
    """Trains the network on the columns ``label`` and ``network.column`` of the clicks, and returns it.

    Raises:
        TypeError: MLlib has no such network.
    """
    if not hasattr(network, "sizes"):
        raise TypeError(f"MLlib has no network like {type(network).__name__}")
    model = fit_mllib(clicks, network.sizes, iterations)
    return with_weights(network, model.weights.toArray())


def score(clicks: DataFrame, network: Network) -> DataFrame:
    """The probability of a click for each row, by a trained network: ``row``, ``probability``."""
    import torch
    from pyspark.sql import functions as F

    probability = F.udf(lambda row: torch.sigmoid(network(torch.tensor([row]))).item(), "double")
    return clicks.select("row", probability(network.column).alias("probability"))


def with_weights(network: Mlp, weights: np.ndarray) -> Mlp:
    """The network with the weights of MLlib's model of the same sizes, which keeps its matrices column by column."""
    import torch
    from torch import nn

    start = 0
    with torch.no_grad():
        for layer in (part for part in network.modules() if isinstance(part, nn.Linear)):
            matrix = weights[start : start + layer.weight.numel()].reshape(layer.weight.T.shape).T
            start += layer.weight.numel()
            layer.weight.copy_(torch.tensor(matrix))
            layer.bias.copy_(torch.tensor(weights[start : start + layer.bias.numel()]))
            start += layer.bias.numel()
    return network


def held_out_scores(network: Network, data: ClickData) -> tuple[float, float]:
    """Log loss and AUC of a trained network on the held-out clicks, computed here and not in Spark."""
    import torch

    rows = fields(data.held_out) if network.column == "fields" else dense(data.held_out, data.vocabulary)
    with torch.inference_mode():
        probability = torch.sigmoid(network.cpu()(torch.from_numpy(rows))).numpy()
    return scores(probability.astype(np.float64), labels_of(data.held_out))


def load(spark: SparkSession, folder: Path) -> dict[str, Any]:
    """The inputs of the functions to write: two tables of features, lazy as ever, and a trained DeepFM."""
    import torch

    from sparklimits.labs.lab5_offload.networks import DeepFM

    # Batches of some hundred rows gain nothing from a second thread, and on a busy machine two threads wait for each
    # other at every step.
    torch.set_num_threads(1)
    vocabulary, weights = read_extras(folder)
    tables = {
        name: features(spark.read.parquet(str(folder / name)), vocabulary) for name in ("train", "held_out")
    }
    trained = DeepFM()
    trained.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})
    return {"clicks": tables["train"], "held_out": tables["held_out"], "trained": trained}


def drive_training(solution: Solution, inputs: Mapping[str, Any]) -> Outcome:
    """Trains a new network by the function; its parameters in PyTorch's order, as the column ``weight``."""
    from torch.nn.utils import parameters_to_vector

    from sparklimits.labs.lab5_offload.networks import Mlp

    network = solution(inputs["clicks"], Mlp(SIZES))
    if not isinstance(network, Mlp):
        raise TypeError(f"the trained network is wanted, not {type(network).__name__}")
    weights = parameters_to_vector(network.parameters()).detach().cpu().numpy()
    return Outcome(pd.DataFrame({"weight": weights.astype(np.float64)}))


def drive_scoring(solution: Solution, inputs: Mapping[str, Any]) -> Outcome:
    """Scores the held-out clicks by the function, and counts how often the network was called."""
    clicks, network = inputs["held_out"], inputs["trained"]
    calls = clicks.sparkSession.sparkContext.accumulator(0)
    hook = network.register_forward_hook(_Count(calls))
    try:
        found = solution(clicks, network)
        table = found.toPandas() if hasattr(found, "toPandas") else found
    finally:
        hook.remove()
    return Outcome(table, {"forward_passes": calls.value})


class _Count:
    """A hook that counts the calls of a network, in Python workers too."""

    def __init__(self, calls: Accumulator[int]) -> None:
        self.calls = calls

    def __call__(self, *_: Any) -> None:
        # A predictor that a worker keeps from one task to the next holds the first task's accumulator, which nobody
        # reads any more. The one of the task at hand has the same id.
        from pyspark.accumulators import _accumulatorRegistry

        _accumulatorRegistry.get(self.calls.aid, self.calls).add(1)
