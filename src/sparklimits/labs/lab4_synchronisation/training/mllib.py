"""MLlib's own factorization machine on the same clicks, to compare with: ``FMClassifier``.

It synchronises as all of MLlib's models do that follow a gradient: for each step the driver broadcasts all parameters,
each partition samples a mini-batch and sums its gradient in a vector as long as the parameters, and ``treeAggregate``
adds these vectors up. The numbers are float64, and no rows are left out.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet
from pyspark.ml.classification import FMClassifier
from pyspark.ml.linalg import VectorUDT
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import DoubleType, StructField, StructType
from scipy import sparse

from sparklimits.labs.lab4_synchronisation.training.rounds import Goal, Training
from sparklimits.labs.lab4_synchronisation.training.shards import Shard

#: Adam's learning rate, the best of those from 0.001 to 0.01 that were tried on other clicks: with less the target
#: takes more steps, with more the model overfits first. Plain gradient descent does not come there in as many steps.
STEP_SIZE = 0.002
_SCHEMA = StructType([StructField("label", DoubleType()), StructField("features", VectorUDT())])


def clicks(spark: SparkSession, shards: Any) -> DataFrame:
    """The clicks of the shards as MLlib reads them: a Parquet file for each, in a folder beside them.

    The constant feature is left out: the model has an intercept.
    """
    found: list[Shard] = shards.collect()
    folder = found[0].folder.parent / "for-mllib"
    folder.mkdir(exist_ok=True)
    for shard in found:
        parquet.write_table(_as_vectors(shard), folder / f"shard-{shard.number}.parquet")
    return spark.read.schema(_SCHEMA).parquet(str(folder))


def _as_vectors(shard: Shard) -> pa.Table:
    """Labels, and features as Spark stores sparse vectors: as structures of these four fields."""
    batches = [shard.batch(step) for step in range(shard.pieces)]
    ids = np.concatenate([batch.ids[:, :-1] for batch in batches])
    values = np.concatenate([batch.values[:, :-1] for batch in batches]).astype(np.float64)
    clicks, width = ids.shape
    size = len(batches[0].rates) - 1
    starts = np.arange(0, clicks * width + 1, width, dtype=np.int32)
    matrix = sparse.csr_matrix((values.ravel(), ids.ravel(), starts), (clicks, size))
    matrix.sum_duplicates()  # two categories of a click may have the same row
    # Spark 4.3 cannot take the gradient of a sparse vector that holds a zero: "Index 0 follows …".
    matrix.eliminate_zeros()
    features = pa.StructArray.from_arrays(
        [
            pa.array(np.zeros(clicks, np.int8)),
            pa.array(np.full(clicks, size, np.int32)),
            pa.ListArray.from_arrays(pa.array(matrix.indptr), pa.array(matrix.indices.astype(np.int32))),
            pa.ListArray.from_arrays(pa.array(matrix.indptr), pa.array(matrix.data)),
        ],
        ["type", "size", "indices", "values"],
    )
    labels = np.concatenate([batch.labels for batch in batches]).astype(np.float64)
    return pa.table({"label": labels, "features": features})


def train(clicks: DataFrame, goal: Goal, rank: int, fraction: float, steps: int) -> Training:
    """So many steps of ``FMClassifier``, each on this ``fraction`` of the clicks, drawn at random.

    The factors begin as MLlib has them begin, with a fifth of the lab's standard deviation, which is better here. MLlib
    gives a model at the end only, so that the curve has one point; its seconds are those of ``fit``.
    """
    began = time.perf_counter()
    model = FMClassifier(
        factorSize=rank, miniBatchFraction=fraction, maxIter=steps, tol=0.0, stepSize=STEP_SIZE,
        solver="adamW", seed=1,
    ).fit(clicks)  # fmt: skip
    seconds = time.perf_counter() - began
    table = np.zeros((model.numFeatures + 1, 1 + rank), np.float32)
    table[:-1, 0] = model.linear.toArray()
    table[:-1, 1:] = model.factors.toArray()
    table[-1, 0] = model.intercept
    return Training(table, [(seconds, steps, goal.held_out.loss(table))])
