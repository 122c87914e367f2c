"""The files by which Jupyter finds the course: its kernel, and what it adds to Jupyter's server.

A wheel brings them along (`data-files` in pyproject.toml). An editable install leaves them out, so that set-up and
`sparklimits lab` put them there. Standard library alone: set-up runs this before anything is installed.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

#: The kernel that the notebooks ask for: by the name `python3` a user's own kernel would come first.
KERNEL = "sparklimits"
RESOURCES = Path(__file__).resolve().parents[1] / "resources"
_PLACES = {
    f"share/jupyter/kernels/{KERNEL}/kernel.json": RESOURCES / "kernel" / "kernel.json",
    "etc/jupyter/jupyter_server_config.d/sparklimits.json": RESOURCES / "server" / "sparklimits.json",
}


def put(prefix: Path) -> None:
    """Copies the files that are missing or old into the environment at ``prefix``, where that may be written."""
    for place, source in _PLACES.items():
        target = prefix / place
        with contextlib.suppress(OSError):  # somebody else's environment: who made it put them there
            if not target.is_file() or target.read_bytes() != source.read_bytes():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
