"""An engine whose disk is full: the message says so, and what frees room."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from sparklimits.containers import cluster
from sparklimits.errors import MachineError
from sparklimits.spark.constraints import Machines
from tests.containers.helpers import engine_answers


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("dockerd") is None,
    reason="only root can start an engine on a small disk",
)
def test_a_full_disk_of_the_engine_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not engine_answers():
        pytest.skip("no Docker engine")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", disk]).returncode:
        pytest.skip("no right to mount a small disk")
    address = f"unix://{tmp_path}/docker.sock"
    # In a network of its own: an engine that is told to have no bridge removes that of the engine beside it.
    command = [
        "unshare", "--net", "dockerd", "--host", address, "--data-root", str(disk / "data"),
        "--exec-root", str(tmp_path / "run"), "--pidfile", str(tmp_path / "pid"),
        "--bridge", "none", "--iptables=false", "--ip6tables=false",
    ]  # fmt: skip
    small_engine = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("DOCKER_HOST", address)
        monkeypatch.setenv("COMPOSE_PROJECT_NAME", "sparklimits-full")
        deadline = time.monotonic() + 60
        while not engine_answers():
            assert time.monotonic() < deadline
            time.sleep(0.2)
        nothing = subprocess.run(
            ["tar", "--create", "--files-from", "/dev/null"], capture_output=True, check=True
        )
        subprocess.run(["docker", "import", "-", "debian:bookworm-slim"], input=nothing.stdout, check=True)
        with contextlib.suppress(OSError), (disk / "full").open("wb") as file:
            while True:
                file.write(bytes(2**16))
        with pytest.raises(MachineError, match="disk of Docker's engine is full: `docker system prune`"):
            cluster.up(Machines())
    finally:
        small_engine.terminate()
        small_engine.wait()
        subprocess.run(["umount", disk], check=True)
