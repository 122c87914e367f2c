"""Whole labs, measured on the cluster of containers as a user has it: the reference passes there too."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.containers.helpers import (
    cluster_up,
    course_of_its_own,
    engine_answers,
    running_cluster,
    sparklimits,
)


@pytest.fixture(scope="module", autouse=True)
def _cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    if not engine_answers():
        pytest.skip("no Docker engine")
    with course_of_its_own(tmp_path_factory.mktemp("course")), running_cluster():
        yield


@pytest.mark.parametrize("lab", ["lab2_skew", "lab3_network"])
def test_the_reference_passes(lab: str) -> None:
    cluster_up("--lab", lab)
    done = sparklimits("run", lab, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    print(result["speedup"], result["low"], result["high"], result["evidence"])
    assert result["backend"] == "docker"
    assert result["verdict"] == "passed", result
