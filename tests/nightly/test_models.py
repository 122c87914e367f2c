"""Models are right, not only fast: each against an implementation of its own in NumPy and SciPy, in float64.

The tolerance of each comparison is stated where it is made.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit
from torch.nn.functional import binary_cross_entropy_with_logits

from sparklimits.datasets import movielens
from sparklimits.labs.lab5_offload import data, naive
from sparklimits.labs.lab5_offload.data import ClickData, fields, labels_of
from sparklimits.labs.lab5_offload.networks import DeepFM, FactorizationMachine, LogisticRegression, Mlp
from sparklimits.labs.lab5_offload.oracle import TOLERANCE, deepfm_probabilities
from sparklimits.labs.oracles import scores
from tests.submissions import ROOT

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MOVIELENS = ROOT.parent / "shared" / "data" / "ml-latest-small"
# Two threads gain little on small batches, and wait for each other when something else runs.
torch.set_num_threads(1)
NETWORKS = (LogisticRegression, FactorizationMachine, DeepFM)


@pytest.fixture(scope="module")
def clicks() -> ClickData:
    return data.make_data(0.75, 11, "main")


def arrays(network: torch.nn.Module) -> dict[str, NDArray[np.float32]]:
    return {name: values.detach().numpy() for name, values in network.state_dict().items()}


def randomised(kind: type[LogisticRegression]) -> LogisticRegression:
    network, random = kind(), torch.Generator().manual_seed(5)
    with torch.no_grad():
        for values in network.parameters():
            values.normal_(0, 0.1, generator=random)
    return network


def exact_loss(weights: dict[str, NDArray[np.float64]], table: pd.DataFrame) -> float:
    return scores(deepfm_probabilities(weights, fields(table)), labels_of(table))[0]


@pytest.mark.parametrize("kind", NETWORKS)
def test_loss_and_gradient_are_those_of_the_formula(
    kind: type[LogisticRegression], clicks: ClickData
) -> None:
    table = clicks.train[:500]
    network = randomised(kind)
    loss = binary_cross_entropy_with_logits(
        network(torch.from_numpy(fields(table))), torch.from_numpy(labels_of(table).astype(np.float32))
    )
    loss.backward()
    weights = {name: values.astype(np.float64) for name, values in arrays(network).items()}
    assert float(loss.detach()) == pytest.approx(exact_loss(weights, table), abs=1e-5)
    # The slope of the exact loss in a random direction, by central differences, against the gradient of PyTorch.
    rng = np.random.default_rng(1)
    for _ in range(3):
        way = {name: rng.normal(size=values.shape) for name, values in weights.items()}
        ahead, back = (
            exact_loss({name: values + step * way[name] for name, values in weights.items()}, table)
            for step in (1e-7, -1e-7)
        )
        slope = sum(
            float((values.grad.numpy().astype(np.float64) * way[name]).sum())
            for name, values in network.named_parameters()
        )
        assert slope == pytest.approx((ahead - back) / 2e-7, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_trained_network_has_the_loss_of_the_formula(
    kind: type[LogisticRegression], clicks: ClickData
) -> None:
    torch.manual_seed(0)
    network = kind()
    inputs = torch.from_numpy(fields(clicks.train))
    labels = torch.from_numpy(labels_of(clicks.train).astype(np.float32))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
    for _ in range(2):
        for batch in torch.randperm(len(inputs)).split(256):
            loss = binary_cross_entropy_with_logits(network(inputs[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    held_out = fields(clicks.held_out)
    with torch.inference_mode():
        found = torch.sigmoid(network(torch.from_numpy(held_out))).numpy().astype(np.float64)
    exact = deepfm_probabilities(arrays(network), held_out)
    np.testing.assert_allclose(found, exact, atol=1e-4)
    truth = labels_of(clicks.held_out)
    assert scores(found, truth)[0] == pytest.approx(scores(exact, truth)[0], abs=1e-5)
    # And it has learned: the pairs of fields are worth more than anything linear, and nothing beats the truth.
    low, high = (0.70, 0.80) if kind is LogisticRegression else (0.80, scores(clicks.best, truth)[1])
    assert low < scores(exact, truth)[1] < high


@pytest.fixture
def table(spark: SparkSession, clicks: ClickData) -> DataFrame:
    """The dense features of the clicks as MLlib reads them."""
    from pyspark.ml.functions import array_to_vector

    features = data.dense(clicks.train, clicks.vocabulary)
    frame = pd.DataFrame({"label": labels_of(clicks.train), "features": list(features)})
    rows = spark.createDataFrame(frame, "label double, features array<float>")
    return rows.select("label", array_to_vector("features").alias("features"))


def test_mllib_logistic_regression_finds_the_optimum(table: DataFrame, clicks: ClickData) -> None:
    from pyspark.ml.classification import LogisticRegression as Mllib

    penalty = 0.01
    model = Mllib(regParam=penalty, standardization=False, tol=1e-9).fit(table)
    x, y = data.dense(clicks.train, clicks.vocabulary).astype(np.float64), labels_of(clicks.train)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, logit = flat[:-1], x @ flat[:-1] + flat[-1]
        error = (expit(logit) - y) / len(y)
        value = np.mean(np.logaddexp(0, logit) - y * logit) + penalty / 2 * weights @ weights
        return value, np.append(x.T @ error + penalty * weights, error.sum())

    best = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    found = np.append(model.coefficients.toArray(), model.intercept)
    # Both stop when the loss no longer falls, which leaves the weights less exact than the loss.
    assert loss(found)[0] == pytest.approx(best.fun, abs=1e-6)
    np.testing.assert_allclose(found, best.x, atol=2e-3)


def test_mllib_factorization_machine_is_that_of_the_formula(table: DataFrame, clicks: ClickData) -> None:
    from pyspark.ml.classification import FMClassifier
    from pyspark.ml.functions import vector_to_array

    model = FMClassifier(factorSize=4, maxIter=10, stepSize=0.05, seed=1).fit(table)
    scored = model.transform(table).select(vector_to_array("probability")[1].alias("click"))
    found = scored.toPandas()["click"].to_numpy()
    x = sparse.csr_matrix(data.dense(clicks.train, clicks.vocabulary)).astype(np.float64)
    vectors = model.factors.toArray()
    pairs = (np.square(x @ vectors) - x.multiply(x) @ np.square(vectors)).sum(axis=1) / 2
    exact = expit(model.intercept + x @ model.linear.toArray() + pairs)
    np.testing.assert_allclose(found, exact, atol=1e-6)  # the same float64 formula on float32 features
    assert scores(found, labels_of(clicks.train))[0] == pytest.approx(
        scores(exact, labels_of(clicks.train))[0], abs=1e-6
    )


RANK, PENALTY, ROUNDS = 10, 0.1, 10


def exact_als(train: pd.DataFrame, test: pd.DataFrame) -> NDArray[np.float64]:
    """The predictions for ``test`` of alternating least squares, the penalty weighted by the number of ratings.

    Zhou et al., "Large-scale Parallel Collaborative Filtering for the Netflix Prize", AAIM 2008.
    """
    users, items = train["user"].to_numpy(), train["item"].to_numpy()
    rating = train["rating"].to_numpy(np.float64)
    # All of them positive at first, as in MLlib: from elsewhere it takes more rounds.
    items_of, users_of = (
        np.abs(np.random.default_rng(seed).normal(size=(count, RANK))) / np.sqrt(RANK)
        for seed, count in enumerate((items.max() + 1, users.max() + 1))
    )

    def solved(
        own: NDArray[np.int64], other: NDArray[np.int64], fixed: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        count = np.bincount(own)
        gram = np.zeros((len(count), RANK, RANK))
        moment = np.zeros((len(count), RANK))
        np.add.at(gram, own, fixed[other][:, :, None] * fixed[other][:, None, :])
        np.add.at(moment, own, fixed[other] * rating[:, None])
        gram += PENALTY * np.maximum(count, 1)[:, None, None] * np.eye(RANK)
        return np.linalg.solve(gram, moment[:, :, None])[:, :, 0]

    for _ in range(ROUNDS):
        users_of = solved(users, items, items_of)
        items_of = solved(items, users, users_of)
    return np.einsum("ij,ij->i", users_of[test["user"]], items_of[test["item"]])


@pytest.mark.skipif(not MOVIELENS.is_dir(), reason="no MovieLens latest-small in ../shared/data")
def test_mllibs_network_is_as_good_as_an_independent_one(
    spark: SparkSession, clicks: ClickData, tmp_path: Path
) -> None:
    inputs = naive.load(spark, data.write_data(clicks, tmp_path / "data"))
    network = naive.train_model(inputs["clicks"], Mlp(data.SIZES))
    loss, auc = naive.held_out_scores(network, clicks)
    assert loss <= clicks.target[0] + TOLERANCE
    assert auc >= clicks.target[1] - TOLERANCE


def test_als_on_movielens_is_as_good_as_an_independent_one(spark: SparkSession) -> None:
    from pyspark.ml.recommendation import ALS

    ratings = movielens.load(MOVIELENS)
    tested = np.random.default_rng(0).random(len(ratings)) < 0.2
    # What was never rated in the training part has no factors, in neither implementation.
    train = ratings[~tested]
    test = ratings[
        tested & ratings["item_id"].isin(train["item_id"]) & ratings["user_id"].isin(train["user_id"])
    ]
    known = pd.Index(train["user_id"].unique()), pd.Index(train["item_id"].unique())
    train, test = (
        pd.DataFrame(
            {
                "user": known[0].get_indexer(part["user_id"]),
                "item": known[1].get_indexer(part["item_id"]),
                "rating": part["rating"].to_numpy(np.float64),
            }
        )
        for part in (train, test)
    )
    als = ALS(rank=RANK, regParam=PENALTY, maxIter=ROUNDS, userCol="user", itemCol="item", seed=3)
    found = als.fit(spark.createDataFrame(train)).transform(spark.createDataFrame(test)).toPandas()
    assert len(found) == len(test)
    errors = [
        float(np.sqrt(np.mean(np.square(guess - truth))))
        for guess, truth in (
            (found["prediction"], found["rating"]),
            (exact_als(train, test), test["rating"]),
        )
    ]
    assert errors[0] == pytest.approx(errors[1], abs=0.02)
    assert max(errors) < train["rating"].std()
