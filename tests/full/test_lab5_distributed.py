"""Lab 5's training on the executors: two processes, a part of the rows each, one network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs.lab5_offload import LAB, distributed
from sparklimits.labs.lab5_offload.data import SIZES, ClickData, make_data, write_data
from sparklimits.labs.lab5_offload.naive import held_out_scores, load
from sparklimits.labs.lab5_offload.networks import Mlp
from tests.sessions import shared

EPOCHS = 6


@pytest.fixture(scope="module")
def clicks() -> ClickData:
    return make_data(1.0, 11, "main")


@pytest.fixture(scope="module")
def opened(clicks: ClickData, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return load(shared(LAB), write_data(clicks, tmp_path_factory.mktemp("lab5") / "data"))


def one_network(training: distributed.Training, network: Mlp) -> None:
    first, second = training.trainers
    np.testing.assert_array_equal(first.weights, second.weights)
    flat = torch.nn.utils.parameters_to_vector(network.parameters()).detach().numpy()
    np.testing.assert_array_equal(first.weights, flat)


def test_two_trainers_come_to_the_loss_of_one_and_share_the_rows(
    clicks: ClickData, opened: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = distributed.write(opened["clicks"].select("label", "features"), tmp_path / "features")
    torch.manual_seed(0)
    network = Mlp(SIZES)
    training = distributed.train(folder, network, epochs=EPOCHS)
    one_network(training, network)
    first, second = training.trainers
    assert not set(first.groups) & set(second.groups)
    assert {name for name, _ in first.groups + second.groups} == {
        path.name for path in folder.glob("*.parquet")
    }
    assert first.rows + second.rows == EPOCHS * len(clicks.train)
    assert min(first.rows, second.rows) > 0.45 * EPOCHS * len(clicks.train)
    assert max(first.held, second.held) < 6 * distributed.READ < 0.5 * len(clicks.train) / 2
    assert 0 < training.trained < training.seconds
    alone = load_functions(reference_path(LAB), LAB)["train_model"](opened["clicks"], Mlp(SIZES))
    loss, of_one = (held_out_scores(one, clicks)[0] for one in (network, alone))
    assert loss == pytest.approx(of_one, abs=0.015)  # two trainings of one differ by as much as 0.01
    assert capfd.readouterr().err == ""


def test_a_trainer_without_rows_waits_for_the_other_and_has_its_weights(
    opened: dict[str, Any], tmp_path: Path
) -> None:
    """As when files cannot be divided evenly: each average needs both, and one would wait for ever."""
    table = opened["clicks"].select("label", "features").limit(3_000)
    table.coalesce(1).write.parquet(str(tmp_path / "one"))
    network = Mlp(SIZES)
    before = torch.nn.utils.parameters_to_vector(network.parameters()).detach().numpy().copy()
    training = distributed.train(tmp_path / "one", network, epochs=1)
    assert [one.rows for one in training.trainers] == [3_000, 0]
    one_network(training, network)
    assert not np.array_equal(before, training.trainers[0].weights)
