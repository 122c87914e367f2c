"""The session of Spark that tests of several labs share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sparklimits.measurement.lab import Lab
from sparklimits.spark import session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def shared(lab: Lab) -> SparkSession:
    """A session for the lab, without those of its settings that need a Java of their own.

    These are about seconds, or about more data than tests have; a Java of its own costs twenty seconds of a processor.
    """
    of_sql = {key: value for key, value in lab.constraints.settings.items() if key.startswith("spark.sql.")}
    return session.get(replace(lab.constraints, settings=of_sql))
