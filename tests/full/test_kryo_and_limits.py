"""Lab 3's exhibits, each in a session of its own: what Kryo touches, and the failures that two limits prevent."""

from __future__ import annotations

import pytest

from sparklimits.errors import SparkLimitsError
from sparklimits.labs.lab3_network import failures, kryo
from sparklimits.labs.lab3_network.data import Day, baskets, make_data
from sparklimits.spark import isolated
from sparklimits.spark.constraints import Constraints


@pytest.fixture(scope="module")
def day() -> Day:
    return make_data(0.05, 3, "main")


def test_kryo_touches_objects_of_java_only() -> None:
    def written(settings: dict[str, str]) -> dict[str, int]:
        constraints = kryo.constraints(settings, {"spark.shuffle.compress": "false"})
        jobs = ("DataFrame", "RDD of Python objects", "columnSimilarities")
        return isolated.run(lambda spark: kryo.truth(spark, jobs), constraints)[0]

    java, smaller = written({}), written({"spark.serializer": kryo.KRYO})
    assert java["DataFrame"] == smaller["DataFrame"] > 0
    assert java["RDD of Python objects"] == smaller["RDD of Python objects"] > 0
    assert smaller["columnSimilarities"] < 0.6 * java["columnSimilarities"]


def test_a_class_that_is_not_registered_is_named(day: Day) -> None:
    inputs = {"baskets": baskets(day)}
    with pytest.raises(SparkLimitsError, match=r"Class is not registered: org\.apache\.spark"):
        kryo.drive_settings(lambda: {"spark.serializer": kryo.KRYO}, inputs)


def test_the_two_limits_fail_as_the_lab_says() -> None:
    answer = isolated.attempt(failures.failures, failures.CONSTRAINTS)
    assert "exceeds max allowed: spark.rpc.message.maxSize" in answer.result["spark.rpc.message.maxSize"]
    assert "Executor heartbeat timed out" in answer.result["spark.network.timeout"]
    assert failures.CONSTRAINTS.settings.keys() == failures.CONSTRAINTS.reasons.keys()


def test_a_process_that_dies_is_a_failure_with_a_reason() -> None:
    def dies(spark: object) -> None:
        import os

        os._exit(3)

    assert isolated.attempt(dies, Constraints(executors=1, memory_mb=512)).failure == (
        "the process ended with exit code 3"
    )
