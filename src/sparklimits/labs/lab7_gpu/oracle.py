"""What lab 7's functions must come to: the loss that an independent trainer reaches, computed in NumPy."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd

from sparklimits.labs.lab7_gpu.data import SIZES, Training
from sparklimits.labs.lab7_gpu.trainer import held_out_loss, unpacked
from sparklimits.measurement.lab import Quality

#: How much worse (nats) the held-out loss may be than that of the independent trainer. Two
#: trainings that differ in the size of the batch end up to 0.02 apart; batches of 4,096 rows are 0.1 away.
TOLERANCE = 0.03
#: How far the mean loss (nats) may be from one that the rows allow.
TOLD = 0.15
#: How far the losses (nats) of steps in 16 bits may be from those of exact ones.
ROUGH = 0.01


def check_epoch(found: pd.DataFrame, data: Training) -> Quality:
    """Judges the network after the pass by its loss on rows that nobody trained on."""
    name = "train_epoch"
    return _judged(name, found, data, data.target, TOLERANCE, (data.target - TOLD, data.target + 2 * TOLD))


def check_step(found: pd.DataFrame, data: Training) -> Quality:
    """Judges the network after ``STEPS`` steps, and the losses that they told, by those of exact steps."""
    mean, wanted = data.steps
    return _judged("half_step", found, data, wanted, ROUGH, (mean - ROUGH, mean + ROUGH))


def _judged(
    name: str, found: pd.DataFrame, data: Training, target: float, tolerance: float, told: tuple[float, float]
) -> Quality:
    weights = pd.to_numeric(found.get("weight", pd.Series(dtype=float)), errors="coerce").to_numpy(float)
    wanted = sum((width + 1) * following for width, following in pairwise(SIZES))
    if len(weights) != wanted:
        return Quality(broken=(f"{name}: {wanted:,} parameters are wanted, and {len(weights):,} came",))
    broken = []
    if (kinds := found.attrs.get("kinds")) != ["float32"]:
        broken.append(
            f"{name}: the weights must be float32 afterwards, whatever the products are computed in; "
            f"they are {', '.join(map(str, kinds or ['of no known kind']))}"
        )
    loss = found.attrs.get("loss")
    if not isinstance(loss, float) or isinstance(loss, bool):
        broken.append(
            f"{name}: it must return the loss as {'a number' if name == 'train_epoch' else 'one number'}"
        )
    elif not told[0] <= loss <= told[1]:
        broken.append(
            f"{name}: it says that the mean loss was {loss:.3f}; {told[0]:.3f} to {told[1]:.3f} can be"
        )
    reached = held_out_loss(unpacked(weights, SIZES), data.held_out, data.held_out_labels)
    if not reached <= target + tolerance:
        broken.append(
            f"{name}: the held-out loss is {reached:.4f}; {target:.4f} and {tolerance} more is allowed"
        )
    return Quality({f"{name}_loss": round(reached, 4), f"{name}_target": round(target, 4)}, tuple(broken))
