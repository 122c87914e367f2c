"""Parameters that were learned on one data set are of no use on the next: whoever keeps them earns nothing by it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sparklimits.labs.lab4_synchronisation import data as lab4
from sparklimits.labs.lab5_offload import data as lab5
from sparklimits.labs.lab5_offload import oracle as lab5_oracle
from sparklimits.labs.lab6_capstone import data as lab6
from sparklimits.labs.lab6_capstone import oracle as lab6_oracle
from sparklimits.labs.lab7_gpu import data as lab7
from sparklimits.labs.lab7_gpu import oracle as lab7_oracle
from sparklimits.labs.lab7_gpu import trainer
from sparklimits.labs.oracles import fit_lbfgs, mlp_probabilities, scores


def test_lab_4s_table() -> None:
    one, other = (lab4.make_data(0.2, seed, "main") for seed in (3, 4))
    table = lab4.synchronous(one.train, one.start, lab4.STEPS)
    assert lab4.check_round(pd.DataFrame(table), one).ok
    assert not lab4.check_round(pd.DataFrame(table), other).ok
    gained = other.constant - lab4.exact_loss(table, other.held_out)
    assert gained < 0.3 * (other.constant - other.target)


def test_lab_5s_network() -> None:
    one, other = (lab5.make_data(0.9, seed, "main") for seed in (3, 4))
    labels = lab5.labels_of(one.train)
    weights = fit_lbfgs(lab5.dense(one.train, one.vocabulary), labels, lab5.SIZES, lab5.ITERATIONS)
    probability = mlp_probabilities(weights, lab5.dense(other.held_out, other.vocabulary), lab5.SIZES)
    assert (
        scores(probability, lab5.labels_of(other.held_out))[0] > other.target[0] + 2 * lab5_oracle.TOLERANCE
    )


def test_lab_6s_network() -> None:
    """Two data sets can be alike by chance; all those of a measurement are not."""
    one, *others = (lab6.make_data(1.0, seed, "main") for seed in (11, 12, 13, 14, 15))
    old, labels = (one.impressions["ts"] < lab6.LAST * lab6.DAY).to_numpy(), clicked(one)
    weights = fit_lbfgs(one.exact.astype(np.float32)[old], labels[old], lab6.SIZES, lab6.ITERATIONS)
    wrong = 0
    for data in others:
        new = (data.impressions["ts"] >= lab6.LAST * lab6.DAY).to_numpy()
        probability = mlp_probabilities(weights, data.exact.astype(np.float32)[new], lab6.SIZES)
        loss, auc = scores(probability, clicked(data)[new])
        wrong += loss > data.target[0] + lab6_oracle.TOLERANCE or auc < data.target[1] - lab6_oracle.TOLERANCE
    assert wrong >= 2


def clicked(days: lab6.Days) -> np.ndarray:
    return days.impressions["clicked"].to_numpy(np.float64)


def test_lab_7s_network() -> None:
    one, other = (lab7.make_data(0.5, seed, "main") for seed in (3, 4))
    network, _ = trainer.train(one.start, one.rows, one.labels, lab7.BATCH, trainer.Adam(lab7.RATE))
    loss = trainer.held_out_loss(network, other.held_out, other.held_out_labels)
    assert loss > other.target + 10 * lab7_oracle.TOLERANCE
