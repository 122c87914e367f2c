"""The cluster of containers where there is no engine: what is said, and what is checked before one is asked."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from sparklimits.containers import cluster, errands
from sparklimits.errors import MachineError


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (
            "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
            "You may not use Docker's engine",
        ),
        ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "engine does not run"),
        ("docker: 'compose' is not a docker command.", "no compose plugin"),
        ("write /var/lib/docker/tmp: no space left on device", "disk of Docker's engine is full"),
        ("something else\nthe last line", "Docker failed: the last line"),
    ],
)
def test_what_docker_says_is_told_with_its_remedy(
    says: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "docker"
    fake.write_text(f'#!/bin/sh\necho "{says}" >&2\nexit 1\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(MachineError, match=told):
        cluster.status()
    assert not errands.serve()


def test_a_machine_without_docker_is_told_where_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match=r"Docker is not installed: https://.* The labs run without it"):
        cluster.status()
    assert not errands.serve()


def test_rates_and_numbers_of_workers_are_checked() -> None:
    assert cluster.checked_rates("100mbit") == (100.0,)
    assert cluster.checked_rates("1gbit, 512kbit") == (1000.0, 0.512)
    for text in ("100", "fast", "0mbit", "100mbit,", "100mbps"):
        with pytest.raises(MachineError, match="write a rate such as 100mbit"):
            cluster.checked_rates(text)
    assert cluster.checked_latency("2.5ms") == 2.5
    for text in ("5", "5s", "-1ms"):
        with pytest.raises(MachineError, match="write milliseconds"):
            cluster.checked_latency(text)
    assert cluster.checked_workers(3) == 3
    with pytest.raises(MachineError, match="1 to 32 workers"):
        cluster.checked_workers(0)


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert cluster.free_port(port) > port
