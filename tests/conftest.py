"""One Spark session for all tests that need one: starting it takes ten seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from sparklimits import cluster
from sparklimits.labs import find

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture
def spark() -> SparkSession:
    """The session of lab 2; a test that stopped it only makes the next one wait."""
    return cluster.session(find("lab2_skew").constraints)


@pytest.fixture(scope="session", autouse=True)
def _no_session_left() -> Iterator[None]:
    yield
    cluster.stop()
