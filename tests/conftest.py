"""One Spark session for all tests that need one, as starting it takes ten seconds; and a cluster of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sparklimits.labs import find
from sparklimits.spark import session
from tests.standalone import HOST, Standalone

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Sessions this short pay for Java's second compiler and get nothing from it: a third of a test's processor time.
#: What a job counts does not depend on it. Where speed gives marks, `as_users_have_it` takes it away. What the first
#: compiler makes needs more stack: reading the long lineage of an ALS model overflowed the usual megabyte.
ONE_COMPILER = {"JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 -Xss4m"}
os.environ.update(ONE_COMPILER)


@pytest.fixture(scope="module")
def as_users_have_it() -> Iterator[None]:
    """Java with both of its compilers, for a module whose measurements are to pass the bars of a lab."""
    session.stop()
    with pytest.MonkeyPatch.context() as patch:
        for name in ONE_COMPILER:
            patch.delenv(name)
        yield
        session.stop()


@pytest.fixture
def spark() -> SparkSession:
    """The session of lab 2; a test that stopped it only makes the next one wait."""
    return session.get(find("lab2_skew").constraints)


@pytest.fixture(scope="session", autouse=True)
def _no_session_left() -> Iterator[None]:
    yield
    session.stop()


@pytest.fixture
def standalone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Standalone]:
    """A cluster that runs already, without workers, which `SPARKLIMITS_MASTER` names."""
    session.stop()
    found = Standalone(tmp_path)
    monkeypatch.setenv("SPARKLIMITS_MASTER", found.master)
    monkeypatch.setenv("SPARK_LOCAL_IP", HOST)
    monkeypatch.delenv("PYSPARK_PYTHON", raising=False)
    deadline = time.monotonic() + 60
    while "I have been elected leader" not in (tmp_path / "cluster.log").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.2)
    yield found
    session.stop()
    found.stop()
