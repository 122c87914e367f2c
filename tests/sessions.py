"""The session of Spark that tests of several labs share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sparklimits.measurement.lab import Lab
from sparklimits.spark import session
from sparklimits.spark.constraints import Constraints

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def shared(lab: Lab) -> SparkSession:
    """A session for the lab, without those of its settings that need a Java of their own.

    These are about seconds, or about more data than tests have; a Java of its own costs twenty seconds of a processor.
    """
    of_sql = {key: value for key, value in lab.constraints.settings.items() if key.startswith("spark.sql.")}
    return session.get(replace(lab.constraints, settings=of_sql))


def short(constraints: Constraints) -> SparkSession:
    """A session whose Java is ready sooner, as on little data; the tests may have more."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SPARKLIMITS_SCALE", "0.1")
        return session.get(constraints)
