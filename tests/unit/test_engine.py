"""The cluster of containers where there is no engine: what is said, and what is checked before one is asked."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from sparklimits.containers import cluster, engine, errands
from sparklimits.errors import MachineError

shows = pytest.mark.shows


def docker(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Puts a program in Docker's place."""
    fake = folder / "docker"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("says", "told"),
    [
        pytest.param("permission denied while trying to connect to the Docker daemon socket at "
                     "unix:///var/run/docker.sock", "You may not use Docker's engine", marks=shows("docker_not_yours")),
        pytest.param("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "engine does not run",
                     marks=shows("docker_off")),
        ("failed to connect to the docker API at unix:///home/ann/.docker/desktop/docker.sock", "engine does not run"),
        pytest.param("docker: 'compose' is not a docker command.", "no compose plugin", marks=shows("compose_missing")),
        pytest.param("write /var/lib/docker/tmp: no space left on device", "disk of Docker's engine is full",
                     marks=shows("engine_full")),
        pytest.param("driver failed: Bind for 127.0.0.1:8888 failed: port is already allocated", "it looks for another",
                     marks=shows("port_taken")),
        pytest.param("this kernel has no netem", "Leave out --latency", marks=shows("no_latency")),
        pytest.param("something else\nthe last line.", r"Docker failed: the last line\. `docker info`",
                     marks=shows("docker_failed")),
    ],
)  # fmt: skip
def test_what_docker_says_is_told_with_its_remedy(
    says: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker(tmp_path, monkeypatch, f'echo "{says}" >&2\nexit 1')
    with pytest.raises(MachineError, match=told):
        cluster.status()
    assert not errands.serve()


@pytest.mark.shows("docker_missing")
def test_a_machine_without_docker_is_told_where_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        MachineError, match=r"Docker is not installed\. The page https://.* The labs run without it"
    ):
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


@pytest.mark.shows("ports_taken")
def test_a_machine_without_a_free_port_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def bind(probe: socket.socket, address: object) -> None:
        raise OSError("Address already in use")

    monkeypatch.setattr(cluster.socket, "socket", type("Taken", (socket.socket,), {"bind": bind}))
    with pytest.raises(MachineError, match=r"ports 8888 to 8937 of 127\.0\.0\.1 are taken"):
        cluster.free_port(8888)


@pytest.mark.shows("engine_no_gpu")
def test_an_engine_without_a_gpu_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(tmp_path, monkeypatch, """echo '{"runc": {}}'""")
    with pytest.raises(MachineError, match=r"no NVIDIA GPU to give.* or leave out --gpu"):
        engine.require_gpu()
    docker(tmp_path, monkeypatch, """echo '{"runc": {}, "nvidia": {}}'""")
    engine.require_gpu()


@pytest.mark.shows("cluster_off")
def test_a_cluster_that_is_not_up_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(tmp_path, monkeypatch, "exit 0")
    with (
        pytest.raises(MachineError, match=r"not up\. `sparklimits cluster up` starts it"),
        errands.handed_over({}),
    ):
        pass


@pytest.mark.shows("container_ended")
@pytest.mark.shows("cluster_not_ready")
def test_a_cluster_that_does_not_get_ready_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    container = {"Id": "1", "Name": "/own-worker-1", "State": {"Status": "exited"}}
    monkeypatch.setattr(cluster, "container_ids", lambda role="", ended=False: [role or "all"])
    monkeypatch.setattr(cluster, "inspect", lambda ids: [container])
    monkeypatch.setattr(cluster, "output", lambda arguments, both: "no such file\n")
    with pytest.raises(
        MachineError, match=r"own-worker-1 has ended: no such file\. .*`docker logs own-worker-1`"
    ):
        cluster._wait(2)
    container["State"] = {"Status": "running"}
    monkeypatch.setattr(cluster, "published_port", lambda one: 1)
    monkeypatch.setattr(cluster, "_page", lambda port, path: "")
    monkeypatch.setattr(cluster, "_PATIENCE", -1)
    with pytest.raises(MachineError, match=r"not ready after -1 s\. `sparklimits cluster status`"):
        cluster._wait(2)
