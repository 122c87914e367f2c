"""What lab 5's functions must come to, in NumPy and SciPy: neither Spark nor PyTorch, so that it can judge both."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from sparklimits.datasets.clicks import (
    CATEGORIES,
)
from sparklimits.labs.checks import largest, missing_columns
from sparklimits.labs.lab5_offload.data import SIZES, ClickData, dense, fields, labels_of
from sparklimits.labs.oracles import mlp_probabilities, scores
from sparklimits.measurement.lab import Quality

#: How much worse than that of an independent L-BFGS the held-out log loss (nats) and AUC may be. Two trainings of this
#: network that differ only in where they start end up to 0.01 apart; a linear model is 0.05 away.
TOLERANCE = 0.02


#: Largest allowed difference of a probability from the exact one: float32 against float64.
MAX_ERROR = 1e-3


def deepfm_probabilities(
    weights: Mapping[str, NDArray[np.float32]], fields: NDArray[np.float32]
) -> NDArray[np.float64]:
    """The probabilities of a click by a DeepFM's parameters, in float64, each pair of fields multiplied out.

    Without ``deep.*`` it is a factorization machine, and without ``*_vectors`` a logistic regression.
    """
    exact = {name: values.astype(np.float64) for name, values in weights.items()}
    logits = [_deepfm_logits(exact, fields[start : start + 2000]) for start in range(0, len(fields), 2000)]
    return expit(np.concatenate(logits))


def _deepfm_logits(
    weights: Mapping[str, NDArray[np.float64]], fields: NDArray[np.float32]
) -> NDArray[np.float64]:
    ids = fields[:, : len(CATEGORIES)].astype(np.int64)
    numbers = fields[:, len(CATEGORIES) :].astype(np.float64)
    logit = weights["id_weights.weight"][ids, 0].sum(axis=1)
    logit += numbers @ weights["number_weights.weight"][0] + weights["number_weights.bias"][0]
    if "id_vectors.weight" not in weights:
        return logit
    looked_up = weights["id_vectors.weight"][ids]
    vectors = np.concatenate([looked_up, numbers[:, :, None] * weights["number_vectors"]], axis=1)
    logit += np.triu(vectors @ vectors.transpose(0, 2, 1), k=1).sum(axis=(1, 2))
    signal = np.column_stack([looked_up.reshape(len(ids), -1), numbers])
    names = sorted({int(name.split(".")[1]) for name in weights if name.startswith("deep.")})
    for name in names:
        signal = signal @ weights[f"deep.{name}.weight"].T + weights[f"deep.{name}.bias"]
        if name != names[-1]:
            signal = np.maximum(signal, 0.0)
    return logit + signal[:, 0] if names else logit


def check_trained(found: pd.DataFrame, data: ClickData) -> Quality:
    """Judges the trained parameters by their probabilities on the held-out clicks."""
    name = "train_model"
    weights = pd.to_numeric(found.get("weight", pd.Series(dtype=float)), errors="coerce").to_numpy(np.float64)
    wanted = sum((width + 1) * following for width, following in pairwise(SIZES))
    if len(weights) != wanted:
        return Quality(broken=(f"{name}: {wanted:,} parameters are wanted, and {len(weights):,} came",))
    labels = labels_of(data.held_out)
    loss, auc = scores(mlp_probabilities(weights, dense(data.held_out, data.vocabulary), SIZES), labels)
    target, target_auc = data.target
    broken = []
    if not loss <= target + TOLERANCE:
        broken.append(
            f"{name}: the held-out log loss is {loss:.4f}; {target:.4f} and {TOLERANCE} more is allowed"
        )
    if not auc >= target_auc - TOLERANCE:
        broken.append(f"{name}: the held-out AUC is {auc:.4f}; {target_auc:.4f} less {TOLERANCE} is allowed")
    values = {
        "log_loss": round(loss, 4), "target_log_loss": round(target, 4),
        "auc": round(auc, 4), "target_auc": round(target_auc, 4), "best_auc": round(scores(data.best, labels)[1], 4),
    }  # fmt: skip
    return Quality(values, tuple(broken))


def check_scored(found: pd.DataFrame, data: ClickData) -> Quality:
    """Compares scored probabilities with the exact ones."""
    name = "score"
    if lacking := missing_columns(name, found, ("row", "probability")):
        return lacking
    found = found.sort_values("row", ignore_index=True)
    if not np.array_equal(found["row"].to_numpy(), np.arange(len(data.held_out))):
        reason = f"each of the {len(data.held_out):,} rows must come once; {len(found):,} came"
        return Quality(broken=(f"{name}: {reason}",))
    exact = deepfm_probabilities(data.weights, fields(data.held_out))
    apart = np.abs(pd.to_numeric(found["probability"], errors="coerce").to_numpy(np.float64) - exact)
    values = {"score_error": float(f"{largest(apart):.2g}")}
    if not (wrong := int((~(apart <= MAX_ERROR)).sum())):
        return Quality(values)
    return Quality(values, (f"{name}: the probability is wrong in {wrong:,} of {len(exact):,} rows",))
