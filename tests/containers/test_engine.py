"""What a real engine is asked for, what it may refuse, and the image that it keeps."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from sparklimits.containers import cluster, errands, image
from sparklimits.errors import MachineError
from tests.containers.helpers import docker


def test_an_engine_that_does_not_run_and_one_that_is_not_for_you(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    with pytest.raises(MachineError, match="engine does not run"):
        cluster.status()
    monkeypatch.delenv("DOCKER_HOST")
    if os.geteuid() == 0:
        stranger = tmp_path / "docker"
        real = shutil.which("docker")
        stranger.write_text(f'#!/bin/sh\nexec setpriv --reuid=65534 --clear-groups {real} "$@"\n')
        stranger.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        with pytest.raises(MachineError, match="You may not use Docker's engine"):
            cluster.status()


@pytest.mark.usefixtures("addresses")
def test_the_image_is_small_enough() -> None:
    assert int(docker("image", "inspect", "--format", "{{.Size}}", image.name(gpu=False))) < 2.5e9


@pytest.mark.usefixtures("addresses")
@pytest.mark.shows("cluster_old")
def test_an_image_that_is_older_than_the_checkout_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "source", lambda: "newer")
    with (
        pytest.raises(MachineError, match="not that of this checkout any more"),
        errands.handed_over({}),
    ):
        pass
