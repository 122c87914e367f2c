"""Work for the lab's container: files handed over, a command run there, results brought back."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from sparklimits.containers import image
from sparklimits.containers.engine import container_ids, inspect, output, run
from sparklimits.errors import MachineError
from sparklimits.machine import messages


def serve() -> bool:
    """Whether a measurement belongs on the Docker cluster: it is up, and no other cluster is named.

    Quick, and no where there is no Docker.
    """
    if os.environ.get("SPARKLIMITS_MASTER"):  # also so in the lab's container itself
        return False
    try:
        return bool(container_ids("lab"))
    except MachineError:
        return False


@contextlib.contextmanager
def handed_over(files: Mapping[str, Path]) -> Iterator[str]:
    """A folder of the lab's container with these files, by their paths in it; it is removed afterwards.

    Raises:
        MachineError: the image is older than the checkout.
    """
    (lab,) = inspect([_lab()])
    if image.made_from(lab["Image"]) != image.source():
        raise MachineError(messages.tell("cluster_old"))
    folder = output(["exec", _lab(), "mktemp", "--directory"]).strip()
    try:
        for path, file in files.items():
            copy = ["sh", "-c", 'mkdir -p "$(dirname "$0")" && cat > "$0"', f"{folder}/{path}"]
            subprocess.run(
                ["docker", "exec", "--interactive", _lab(), *copy], input=file.read_bytes(), check=True
            )
        yield folder
    finally:
        run(["docker", "exec", _lab(), "rm", "-rf", folder])


def in_lab(command: Sequence[str], folder: str, to: TextIO | None = None) -> int:
    """Runs a command in the lab's container, in this folder of it; returns its exit code.

    What it prints comes out here, or goes to ``to``.
    """
    return subprocess.run(_exec(command, folder), stdout=to).returncode


def said_in_lab(command: Sequence[str], folder: str) -> str:
    """The same; what it writes to standard output, when it succeeds.

    Raises:
        MachineError: it failed; the last line that it wrote to standard error.
    """
    done = run(_exec(command, folder))
    if done.returncode:
        raise MachineError((done.stderr.strip().splitlines() or ["the command failed"])[-1])
    return done.stdout


def bring(folder: str, to: Path) -> None:
    """Copies what is in this folder of the lab's container into one here."""
    to.mkdir(parents=True, exist_ok=True)
    output(["cp", f"{_lab()}:{folder}/.", str(to)])


def _exec(command: Sequence[str], folder: str) -> list[str]:
    place = ["--env", f"SPARKLIMITS_HOME={folder}", "--workdir", folder]
    scale = ["--env", "SPARKLIMITS_SCALE"] if "SPARKLIMITS_SCALE" in os.environ else []
    return ["docker", "exec", *place, *scale, _lab(), *command]


def _lab() -> str:
    if not (found := container_ids("lab")):
        raise MachineError(messages.tell("cluster_off"))
    return found[0]
