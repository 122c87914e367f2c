"""One lab's measurement on a given Spark session, in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd

from sparklimits.measurement.bench import InSession
from sparklimits.measurement.lab import Lab
from sparklimits.measurement.measurement import Measurement
from sparklimits.measurement.plan import Plan

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Experiment(Measurement):
    """Measures functions of this process.

    Args:
        lab: the lab.
        spark: the session, made for the lab's constraints; one that dies during a measurement is replaced.
        scale, seed, real, plan, progress: see :class:`~sparklimits.measurement.measurement.Measurement`.
    """

    def __init__(
        self,
        lab: Lab,
        spark: SparkSession,
        *,
        scale: float = 1.0,
        seed: int | None = None,
        real: pd.DataFrame | None = None,
        plan: Plan | None = None,
        progress: Callable[[str], None] = lambda message: None,
    ) -> None:
        self._session = InSession(lab, spark)
        super().__init__(lab, self._session, scale=scale, seed=seed, real=real, plan=plan, progress=progress)

    @property
    def spark(self) -> SparkSession:
        """The session that it goes on with."""
        return self._session.spark
