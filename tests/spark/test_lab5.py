"""Lab 5's oracle against the definitions, MLlib and PyTorch; the trainer without Spark; the reference once on Spark."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs.lab5_offload import LAB
from sparklimits.labs.lab5_offload.data import (
    ITERATIONS,
    SIZES,
    ClickData,
    dense,
    fields,
    labels_of,
    make_data,
    write_data,
)
from sparklimits.labs.lab5_offload.naive import fit_mllib, held_out_scores, load, with_weights
from sparklimits.labs.lab5_offload.networks import BUCKETS, IDS, NUMBERS, DeepFM, Mlp
from sparklimits.labs.lab5_offload.oracle import MAX_ERROR, TOLERANCE, deepfm_probabilities
from sparklimits.labs.oracles import fit_lbfgs, mlp_probabilities, scores
from sparklimits.measurement.experiment import Experiment
from tests.checking import quality
from tests.sessions import shared

TINY = (3, 4, 2)
#: Of MLlib's training.
STEPS = 12


@pytest.fixture(scope="module")
def clicks() -> ClickData:
    return make_data(0.75, 3, "main")


def test_the_trainer_needs_no_spark() -> None:
    imports = "import sparklimits.labs.lab5_offload.networks, sys"
    code = f"{imports}; assert not [name for name in sys.modules if 'pyspark' in name]"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_scores_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    labels, guess = rng.integers(0, 2, 60).astype(float), rng.random(60).round(1)
    pairs = [
        (ours > theirs) + 0.5 * (ours == theirs)
        for ours in guess[labels == 1]
        for theirs in guess[labels == 0]
    ]
    loss = [-np.log(max(p, 1e-7) if y else max(1 - p, 1e-7)) for p, y in zip(guess, labels, strict=True)]
    assert scores(guess, labels) == pytest.approx((np.mean(loss), np.mean(pairs)))


def test_the_independent_optimiser_goes_down_the_right_slope() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(400, 3)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(float)  # what no linear model can tell
    exact = scores(mlp_probabilities(fit_lbfgs(x, y, TINY, 200), x, TINY), y)
    network = Mlp(TINY)
    optimizer = torch.optim.LBFGS(network.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def slope() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            network(torch.from_numpy(x)), torch.from_numpy(y.astype(np.float32))
        )
        loss.backward()
        return loss

    assert exact[0] < 0.35 < slope().item()
    assert exact[1] > 0.9


def test_the_right_results_pass_and_each_wrong_one_is_named(clicks: ClickData) -> None:
    weights = fit_lbfgs(dense(clicks.train, clicks.vocabulary), labels_of(clicks.train), SIZES, ITERATIONS)
    exact = deepfm_probabilities(clicks.weights, fields(clicks.held_out))
    scored = pd.DataFrame({"row": np.arange(len(exact)), "probability": exact})
    right = {"train_model": pd.DataFrame({"weight": weights}), "score": scored.sample(frac=1)}
    found = quality(LAB, right, clicks)
    assert found.ok
    assert found.values["log_loss"] == pytest.approx(clicks.target[0], abs=1e-4)
    logits = np.log(exact / (1 - exact))
    cases = [
        ("train_model", pd.DataFrame({"weight": np.zeros(len(weights))}), "log loss is"),
        ("train_model", pd.DataFrame({"weight": weights[1:]}), "parameters are wanted"),
        ("train_model", pd.DataFrame({"weight": np.full(len(weights), np.nan)}), "log loss is nan"),
        ("score", scored.drop(columns="probability"), "no column probability"),
        ("score", scored[1:], "each of the"),
        ("score", pd.concat([scored, scored[:1]]), "each of the"),
        ("score", scored.assign(probability=logits), "the probability is wrong in"),
        ("score", scored.assign(probability=np.roll(exact, 1)), "the probability is wrong in"),
        ("score", scored.assign(probability=exact + 2 * MAX_ERROR), f"in {len(exact):,} of {len(exact):,}"),
    ]
    for name, table, reason in cases:
        found = quality(LAB, {name: table}, clicks)
        assert not found.ok, reason
        assert reason in found.broken[0]


def test_a_linear_model_does_not_pass(clicks: ClickData) -> None:
    x = dense(clicks.train, clicks.vocabulary)
    weights = fit_lbfgs(x, labels_of(clicks.train), (SIZES[0], 2), ITERATIONS)
    held_out = dense(clicks.held_out, clicks.vocabulary)
    found = scores(mlp_probabilities(weights, held_out, (SIZES[0], 2)), labels_of(clicks.held_out))
    assert found[0] > clicks.target[0] + TOLERANCE
    assert found[1] < clicks.target[1] - TOLERANCE
    assert clicks.target[1] < scores(clicks.best, labels_of(clicks.held_out))[1]


def test_a_network_of_pytorch_is_that_of_the_oracle(clicks: ClickData) -> None:
    torch.manual_seed(0)
    network = Mlp(SIZES)
    flat = torch.nn.utils.parameters_to_vector(network.parameters()).detach().numpy()
    rows = dense(clicks.held_out[:1000], clicks.vocabulary)
    with torch.inference_mode():
        found = torch.sigmoid(network(torch.from_numpy(rows))).numpy()
    np.testing.assert_allclose(found, mlp_probabilities(flat, rows, SIZES), atol=1e-5)
    assert (
        fields(clicks.held_out[:1]).shape[1],
        len(clicks.weights["id_weights.weight"]),
    ) == (IDS + NUMBERS, BUCKETS)
    assert {name: values.shape for name, values in clicks.weights.items()} == {
        name: tuple(values.shape) for name, values in DeepFM().state_dict().items()
    }


@pytest.fixture(scope="module")
def opened(clicks: ClickData, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("lab5") / "data"
    return load(shared(LAB), write_data(clicks, folder))


def test_spark_makes_the_features_of_the_oracle(clicks: ClickData, opened: dict) -> None:
    found = opened["held_out"].toPandas().sort_values("row")
    np.testing.assert_array_equal(found["row"], np.arange(len(clicks.held_out)))
    np.testing.assert_array_equal(found["label"], labels_of(clicks.held_out))
    np.testing.assert_array_equal(np.stack(found["features"]), dense(clicks.held_out, clicks.vocabulary))
    np.testing.assert_array_equal(np.stack(found["fields"]), fields(clicks.held_out))


def test_a_network_with_mllibs_weights_gives_mllibs_probabilities(clicks: ClickData, opened: dict) -> None:
    from pyspark.ml.functions import array_to_vector, vector_to_array

    model = fit_mllib(opened["clicks"], SIZES, iterations=10)
    network = with_weights(Mlp(SIZES), model.weights.toArray())
    held_out = opened["held_out"].select("row", array_to_vector("features").alias("features"))
    scored = model.transform(held_out).select("row", vector_to_array("probability")[1].alias("click"))
    found = scored.toPandas().sort_values("row")["click"].to_numpy()
    rows = torch.from_numpy(dense(clicks.held_out, clicks.vocabulary))
    with torch.inference_mode():
        np.testing.assert_allclose(torch.sigmoid(network(rows)).numpy(), found, atol=1e-5)
    assert held_out_scores(network, clicks) == pytest.approx(
        scores(found, labels_of(clicks.held_out)), abs=1e-4
    )


def test_the_reference_needs_one_job_and_few_calls() -> None:
    experiment = Experiment(LAB, shared(LAB), scale=0.75)
    run = experiment.run(load_functions(reference_path(LAB), LAB), "other")
    assert run.quality.ok, run.quality.broken
    assert run.counters["train_model"].jobs <= 2
    rows = run.counters["score"].summary()["input_records"]
    assert rows / 1000 <= run.counters["score"].other["forward_passes"] < 100
    # The seconds of `score` are no part of the speedup.
    assert run.total == run.seconds["train_model"]
    # Its network after all of its steps: tests/nightly/test_models.py.
    short = partial(LAB.naive["train_model"], iterations=STEPS)
    naive = experiment.run({**LAB.naive, "train_model": short}, "main")
    assert naive.checked["score"].ok, naive.quality.broken
    # A job for each step, and now and then one more where a step went too far.
    assert STEPS < naive.counters["train_model"].jobs < 2 * STEPS
    assert naive.counters["score"].other["forward_passes"] == pytest.approx(rows, rel=0.1)
