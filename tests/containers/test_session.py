"""A session on the cluster: a lab runs in it, and its machines change: one more, one less, no memory, none at all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from sparklimits.containers import cluster, engine
from tests import browser
from tests.containers.helpers import WORKERS, LabSession, cluster_up, docker, lab_session
from tests.programs.lab_session import TASKS


@pytest.fixture(scope="module")
def session(addresses: list[str]) -> Iterator[LabSession]:
    """One session for all of it, as it takes long to start; the cluster is whole again afterwards."""
    with lab_session() as found:
        yield found
    cluster_up("--lab", "lab2_skew")
    assert len(engine.container_ids("worker")) == WORKERS


def killed(session: LabSession, workers: list[str]) -> Any:
    """What a job gives whose workers are killed while it runs."""
    session.begin("busy")
    time.sleep(3)
    docker("kill", *workers)
    return session.answer()


def test_both_ways_of_a_lab_run_there(session: LabSession) -> None:
    assert session.backend == "docker"
    assert session.ask("executors") == WORKERS
    found = session.ask("both ways")
    for way in found.values():
        assert way["broken"] == []
        assert way["executors"] == WORKERS
        assert way["remote_bytes"] > 0
    naive, fixed = found["naive"]["straggler_ratio"], found["fixed"]["straggler_ratio"]
    assert all(fixed[name] < naive[name] / 2 for name in naive), found


def test_a_worker_that_comes_later_is_used(session: LabSession) -> None:
    cluster_up("--workers", str(WORKERS + 1))
    browser.wait("an executor more", 60, lambda: session.ask("executors") == WORKERS + 1)
    assert session.ask("busy") == {"sum": sum(range(TASKS)), "executors": WORKERS + 1}
    cluster_up("--workers", str(WORKERS))
    assert len(engine.container_ids("worker")) == WORKERS


def test_a_worker_that_is_killed_is_made_up_for(session: LabSession) -> None:
    assert killed(session, engine.container_ids("worker")[:1])["sum"] == sum(range(TASKS))
    assert session.ask("executors") == WORKERS - 1
    ended = [one.state for one in cluster.status() if not one.state.startswith("running")]
    assert ended == ["exited"]
    cluster_up("--lab", "lab2_skew")
    assert len(engine.container_ids("worker")) == WORKERS


def test_a_container_out_of_memory_is_named(session: LabSession) -> None:
    assert "out of memory" in session.ask("swollen")
    assert any("out of memory" in one.state for one in cluster.status())


def test_workers_that_are_all_gone_are_an_error_within_a_minute(session: LabSession) -> None:
    began = time.monotonic()
    said = killed(session, engine.container_ids("worker"))
    assert "all workers of spark://spark-master:7077 are gone" in said
    assert time.monotonic() - began < 60
