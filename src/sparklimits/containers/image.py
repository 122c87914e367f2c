"""The image that master, workers and lab share: its name, and whether it is that of this checkout."""

from __future__ import annotations

import hashlib
import re
from functools import cache

from sparklimits.containers.engine import run
from sparklimits.machine.paths import project_root

#: What the image is made from; docker/Dockerfile.dockerignore says the same.
_MADE_FROM = (
    "docker/Dockerfile", "docker/discover-machine", "docker/discover-gpu", "docker/shape-link", "constraints.txt",
    "pyproject.toml", "nbgrader_config.py", "src", "course", "labs",
)  # fmt: skip


def name(gpu: bool) -> str:
    """The name of the image, with PyTorch's build for NVIDIA GPUs or with the one for CPUs."""
    return "sparklimits:gpu" if gpu else "sparklimits:cpu"


@cache
def source() -> str:
    """A fingerprint of what the image is made from."""
    root = project_root()
    digest = hashlib.sha256()
    for part in _MADE_FROM:
        top = root / part
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            generated = re.search(r"__pycache__|\.ipynb_checkpoints|\.egg-info", path.as_posix())
            if path.is_file() and not generated:
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def made_from(image: str) -> str | None:
    """The fingerprint of what the image was made from, by its name or id; nothing when there is no such image."""
    done = run(
        ["docker", "image", "inspect", "--format", '{{index .Config.Labels "sparklimits.source"}}', image]
    )
    return done.stdout.strip() if done.returncode == 0 else None
