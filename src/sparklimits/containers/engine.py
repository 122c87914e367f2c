"""Docker's engine, by its own command: what it says, and what to do when it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from sparklimits.errors import MachineError
from sparklimits.machine import messages
from sparklimits.machine.paths import project_root

#: MB: the heap of a lab's executor; those of the lab itself and the master; and what a Java and its Python take beside.
EXECUTOR_MB, OTHERS_MB, BESIDE_HEAP_MB = 1024, 1408, 400


def require() -> str:
    """The version of the engine, which must be there, and compose with it.

    Raises:
        MachineError: one of them is not there, or this user may not use the engine.
    """
    version = output(["version", "--format", "{{.Server.Version}}"]).strip()
    output(["compose", "version"])
    return version


def require_memory(workers: int) -> str:
    """Does nothing when the engine has memory for so many workers; a line to tell when it may be too little.

    Docker Desktop runs its engine in a machine of its own, which has a part of the memory only.

    Raises:
        MachineError: the heaps alone do not fit.
    """
    told = output(["info", "--format", "{{.MemTotal}}"]).strip()
    if not told.isdecimal():  # an engine that does not say
        return ""
    granted = int(told)
    heaps = (workers * EXECUTOR_MB + OTHERS_MB) * 2**20
    needed = heaps + (workers + 1) * BESIDE_HEAP_MB * 2**20
    if granted < heaps:
        raise MachineError(
            messages.tell("engine_memory", granted=granted / 1e9, needed=needed / 1e9, workers=workers)
        )
    if granted < needed:
        return messages.tell("engine_memory", granted=granted / 1e9, needed=needed / 1e9, workers=workers)
    return ""


def require_gpu() -> None:
    """Does nothing when the engine can hand an NVIDIA GPU to a container.

    Raises:
        MachineError: it cannot.
    """
    if "nvidia" not in json.loads(output(["info", "--format", "{{json .Runtimes}}"])):
        raise MachineError(messages.tell("engine_no_gpu"))


def project() -> str:
    """Compose's name for this user's cluster: several users may share one engine."""
    return os.environ.get("COMPOSE_PROJECT_NAME") or f"sparklimits-{os.getuid()}"


def compose(arguments: Sequence[str], settings: Mapping[str, str]) -> None:
    """Runs compose; what it says passes through, on standard error."""
    process = subprocess.Popen(
        compose_command(*arguments), env={**os.environ, **settings}, stdout=sys.stderr,
        stderr=subprocess.PIPE, text=True, errors="replace",
    )  # fmt: skip
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        sys.stderr.write(line)
        said.append(line)
    if process.wait():
        raise MachineError(_explained("".join(said)))


def compose_command(*arguments: str) -> list[str]:
    file = project_root() / "docker" / "compose.yaml"
    if not file.is_file():
        raise MachineError(messages.tell("no_labs", folder=file.parent))
    return ["docker", "compose", "--project-name", project(), "--file", str(file), *arguments]


def container_ids(role: str = "", ended: bool = False) -> list[str]:
    """The containers of the cluster that run, or only those with this role; with ``ended``, also those that ended."""
    labels = [f"label=com.docker.compose.project={project()}"]
    if role:
        labels.append(f"label=sparklimits.role={role}")
    filters = [part for label in labels for part in ("--filter", label)]
    return output(["ps", "--quiet", "--no-trunc", *(["--all"] if ended else []), *filters]).split()


def inspect(containers: Sequence[str]) -> list[dict[str, Any]]:
    """What the engine knows of these containers, by id or name."""
    return json.loads(output(["inspect", *containers])) if containers else []


def output(arguments: Sequence[str], both: bool = False) -> str:
    """What docker prints; with ``both``, what it writes to standard error too."""
    done = run(["docker", *arguments])
    if done.returncode:
        raise MachineError(_explained(done.stderr))
    return done.stdout + done.stderr if both else done.stdout


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise MachineError(messages.tell("docker_missing")) from None


def _explained(said: str) -> str:
    known = (one for one in messages.every().values() if one.group == "docker")
    if found := next((one for one in known if one.fits(said)), None):
        return found.told()
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["it did not say why"]
    return messages.tell("docker_failed", reason=lines[-1].rstrip("."))
