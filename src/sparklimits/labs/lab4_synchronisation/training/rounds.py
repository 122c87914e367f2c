"""Training in rounds, one Spark job or more for each, until a target loss on held-out clicks is reached."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from sparklimits.errors import SparkLimitsError
from sparklimits.labs.lab4_synchronisation.training.fm import Batch, Table
from sparklimits.measurement.lab import Outcome

#: Gets the RDD of shards, the table and the number of the next batch; gives the new table and the next number.
Round = Callable[[Any, Table, int], tuple[Table, int]]
#: Points of a loss curve: (seconds since the call, steps, held-out loss).
Curve = list[tuple[float, int, float]]


@dataclass(frozen=True)
class Goal:
    """When a training ends: at this ``loss`` on ``held_out``, after ``steps`` of a worker, or after ``seconds``."""

    held_out: Batch
    loss: float
    steps: int = 2_000
    seconds: float = 120.0

    def reached(self, loss: float) -> bool:
        """Whether this loss ends a training: as low as wanted, or beyond hope (no finite number)."""
        return loss <= self.loss or not np.isfinite(loss)

    def ends(self, seconds: float, steps: int, loss: float) -> bool:
        """Whether a training ends here."""
        return self.reached(loss) or steps >= self.steps or seconds >= self.seconds


@dataclass(frozen=True)
class Training:
    """A finished training: the ``table``, and its ``curve``.

    A step is one batch of each worker. ``launch`` is the time before the first step, a part of the curve's
    seconds. ``counters`` are counts of work that Spark does not see, ``notes`` what else is to be seen.
    """

    table: Table
    curve: Curve
    launch: float = 0.0
    counters: Mapping[str, float] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)

    def as_outcome(self) -> Outcome:
        """The parameters, one row for each feature; ``curve`` and ``launch`` are noted, beside the notes."""
        names = ["weight", *(f"factor{place}" for place in range(1, self.table.shape[1]))]
        frame = pd.DataFrame(self.table, columns=names)
        return Outcome(frame, self.counters, {"curve": self.curve, "launch": self.launch, **self.notes})


def train(one_round: Round, shards: Any, table: Table, goal: Goal) -> Training:
    """Calls ``one_round`` until the goal is reached; looks at the held-out loss after each call.

    Raises:
        SparkLimitsError: a round gave something else than a table of the same shape and a larger number.
    """
    began = time.perf_counter()
    curve: Curve = []
    step = 0
    while not curve or not goal.ends(*curve[-1]):
        table, step = _checked(one_round(shards, table, step), table, step)
        loss = goal.held_out.loss(table)
        curve.append((time.perf_counter() - began, step, loss))
    return Training(table, curve)


def _checked(answer: Any, table: Table, step: int) -> tuple[Table, int]:
    try:
        found, after = answer
    except (TypeError, ValueError):
        raise SparkLimitsError(
            f"a round must return the table and the next number, not {type(answer).__name__}"
        ) from None
    found = np.asarray(found, np.float32)
    if found.shape != table.shape:
        raise SparkLimitsError(f"a round returned a table of the shape {found.shape}, not {table.shape}")
    if not after > step:
        raise SparkLimitsError(
            f"a round started at batch {step} and says that batch {after} is next: it must go on"
        )
    return found, int(after)
