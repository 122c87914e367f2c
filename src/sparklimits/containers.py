"""The Docker cluster: containers that stand for machines, on one engine, started and stopped by compose.

A worker has a share of a core, a limit of memory and a link of its own. Compose sets the first two. The link is
shaped by ``tc`` in a container that lives for a moment in the worker's network: nothing that stays has the right
to change it.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sparklimits import pytorch_index
from sparklimits.cluster import Machines
from sparklimits.errors import MachineError
from sparklimits.paths import project_root

#: The ports of JupyterLab and of Spark's page on 127.0.0.1; the next free one when they are taken.
LAB_PORT, SPARK_PORT = 8888, 8080
#: Room beside the executor's heap for its Python workers, and for what they train.
BESIDE_MB = 1536
#: What the image is made from; docker/Dockerfile.dockerignore says the same.
_MADE_FROM = (
    "docker/Dockerfile", "docker/discover-machine", "docker/discover-gpu", "constraints.txt", "pyproject.toml",
    "nbgrader_config.py", "src", "labs",
)  # fmt: skip
#: How long the cluster may take until it is ready, seconds.
_PATIENCE = 120

_REMEDIES = {
    (
        "permission denied",
        "docker.sock",
    ): "You may not use Docker's engine: `sudo usermod -aG docker $USER`, then log in again.",
    ("is not a docker command",): "Docker has no compose plugin of version 2: install docker-compose-plugin.",
    ("Cannot connect to the Docker daemon",): "Docker's engine does not run: start Docker Desktop, or "
    "`sudo systemctl start docker`.",
    (
        "port is already allocated",
    ): "A port was taken in this moment: run the command again, it looks for another.",
    (
        "address already in use",
    ): "A port was taken in this moment: run the command again, it looks for another.",
    (
        "no space left on device",
    ): "The disk of Docker's engine is full: `docker system prune` removes what no container uses.",
}


@dataclass(frozen=True)
class Machine:
    """A container as it is; ``link`` is the rate that ``tc`` tells."""

    role: str
    name: str
    state: str
    cpus: float
    memory_mb: int
    link: str


def up(machines: Machines) -> list[str]:
    """Builds the image if the checkout has changed, starts the cluster or changes the one that runs, shapes its links.

    Returns what to tell: the addresses of JupyterLab and of Spark's page.

    Raises:
        MachineError: the engine is not there, or refused; the message says what to do.
    """
    check_engine()
    settings = _settings(machines)
    if image_source() != source():
        _compose(["build", "master"], settings)
    scale = ["--scale", f"worker={machines.workers}"]
    _compose(["up", "--detach", "--remove-orphans", *scale], settings)
    _shape(machines)
    _wait(machines.workers)
    return addresses()


def down() -> None:
    """Removes the containers, their networks and the volume of their data."""
    check_engine()
    _compose(["down", "--volumes", "--remove-orphans", "--timeout", "5"], _settings(Machines()))


def serve() -> bool:
    """Whether a measurement belongs on the Docker cluster: it is up, and no other cluster is named.

    Quick, and no where there is no Docker.
    """
    if os.environ.get("SPARKLIMITS_MASTER"):  # also so in the lab's container itself
        return False
    try:
        return bool(_ids("lab"))
    except MachineError:
        return False


def status() -> list[Machine]:
    """The containers of the cluster, by name."""
    check_engine()
    found = []
    for one in _inspect(_ids(all=True)):
        host = one["HostConfig"]
        running = one["State"]["Running"]
        found.append(
            Machine(
                one["Config"]["Labels"]["sparklimits.role"],
                one["Name"].lstrip("/"),
                _state(one),
                host["NanoCpus"] / 1e9,
                host["Memory"] // 2**20,
                _link(one) if running else "",
            )
        )
    return sorted(found, key=lambda machine: machine.name)


def addresses() -> list[str]:
    """Where JupyterLab and Spark's page are, as lines to print."""
    (lab,), (master,) = _inspect(_ids("lab")), _inspect(_ids("master"))
    token = _environment(lab)["JUPYTER_TOKEN"]
    return [
        f"JupyterLab: http://127.0.0.1:{_published(lab)}/lab?token={token}",
        f"Spark: http://127.0.0.1:{_published(master)}",
    ]


@contextlib.contextmanager
def handed_over(files: Mapping[str, Path]) -> Iterator[str]:
    """A folder of the lab's container with these files, by their paths in it; it is removed afterwards.

    Raises:
        MachineError: the image is older than the checkout.
    """
    if image_source() != source():
        raise MachineError(
            "The cluster's image is not that of this checkout any more: `sparklimits cluster up` makes it anew."
        )
    folder = _docker(["exec", _lab(), "mktemp", "--directory"]).strip()
    try:
        for path, file in files.items():
            copy = ["sh", "-c", 'mkdir -p "$(dirname "$0")" && cat > "$0"', f"{folder}/{path}"]
            subprocess.run(
                ["docker", "exec", "--interactive", _lab(), *copy], input=file.read_bytes(), check=True
            )
        yield folder
    finally:
        _run(["docker", "exec", _lab(), "rm", "-rf", folder])


def in_lab(command: Sequence[str], folder: str) -> int:
    """Runs a command in the lab's container, in this folder of it, its output here; returns its exit code."""
    return subprocess.run(_exec(command, folder)).returncode


def said_in_lab(command: Sequence[str], folder: str) -> str:
    """The same; what it writes to standard output, when it succeeds.

    Raises:
        MachineError: it failed; the last line that it wrote to standard error.
    """
    done = _run(_exec(command, folder))
    if done.returncode:
        raise MachineError((done.stderr.strip().splitlines() or ["the command failed"])[-1])
    return done.stdout


def _exec(command: Sequence[str], folder: str) -> list[str]:
    place = ["--env", f"SPARKLIMITS_HOME={folder}", "--workdir", folder]
    scale = ["--env", "SPARKLIMITS_SCALE"] if "SPARKLIMITS_SCALE" in os.environ else []
    return ["docker", "exec", *place, *scale, _lab(), *command]


def bring(folder: str, to: Path) -> None:
    """Copies what is in this folder of the lab's container into one here."""
    to.mkdir(parents=True, exist_ok=True)
    _docker(["cp", f"{_lab()}:{folder}/.", str(to)])


def _lab() -> str:
    if not (found := _ids("lab")):
        raise MachineError("The Docker cluster is not up: `sparklimits cluster up` starts it.")
    return found[0]


def check_engine() -> str:
    """The version of the engine; compose is asked for too.

    Raises:
        MachineError: there is not, or this user may not use it.
    """
    version = _docker(["version", "--format", "{{.Server.Version}}"]).strip()
    _docker(["compose", "version"])
    return version


@cache
def source() -> str:
    """A fingerprint of what the image is made from."""
    root = project_root()
    digest = hashlib.sha256()
    for name in _MADE_FROM:
        top = root / name
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            generated = re.search(r"__pycache__|\.ipynb_checkpoints|\.egg-info", path.as_posix())
            if path.is_file() and not generated:
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def image() -> str:
    """The name of the image."""
    return "sparklimits:cpu"


def image_source() -> str | None:
    """The fingerprint of what the image was made from; nothing when there is no image."""
    done = _run(
        ["docker", "image", "inspect", "--format", '{{index .Config.Labels "sparklimits.source"}}', image()]
    )
    return done.stdout.strip() if done.returncode == 0 else None


def _settings(machines: Machines) -> dict[str, str]:
    """The variables of compose.yaml. What a running cluster was started with stays: its token, its ports."""
    running = {role: _inspect(_ids(role)) for role in ("lab", "master")}
    token = _environment(running["lab"][0])["JUPYTER_TOKEN"] if running["lab"] else secrets.token_hex(16)
    return {
        "COMPOSE_PROFILES": "cpu",
        "SPARKLIMITS_IMAGE": image(),
        "SPARKLIMITS_SOURCE": source(),
        "SPARKLIMITS_TORCH_INDEX": pytorch_index.chosen(gpu=False, say=_say) or "default",
        "SPARKLIMITS_UID": str(user()),
        "SPARKLIMITS_WORK": str(project_root() / "work"),
        "SPARKLIMITS_TOKEN": token,
        "SPARKLIMITS_LAB_PORT": str(_published(running["lab"][0]) if running["lab"] else free_port(LAB_PORT)),
        "SPARKLIMITS_SPARK_PORT": str(
            _published(running["master"][0]) if running["master"] else free_port(SPARK_PORT)
        ),
        "SPARKLIMITS_WORKER_CPUS": str(machines.cpus),
        "SPARKLIMITS_WORKER_MEMORY_MB": str(machines.memory_mb),
        "SPARKLIMITS_WORKER_LIMIT_MB": str(machines.memory_mb + BESIDE_MB),
    }


def checked_workers(count: int) -> int:
    """The number of workers.

    Raises:
        MachineError: it is none, or more than an engine on one machine serves.
    """
    if not 1 <= count <= 32:
        raise MachineError(f"--workers {count}: 1 to 32 workers are possible.")
    return count


def checked_rates(text: str) -> tuple[float, ...]:
    """Megabits a second from text such as ``100mbit`` or, for racks, ``100mbit,20mbit``.

    Raises:
        MachineError: it is none such.
    """
    found = [re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(k|m|g)bit", part.strip()) for part in text.split(",")]
    units = {"k": 1e-3, "m": 1.0, "g": 1e3}
    rates = tuple(float(match[1]) * units[match[2]] for match in found if match)
    if len(rates) < len(found) or not min(rates, default=0) > 0:
        raise MachineError(
            f"--bandwidth {text}: write a rate such as 100mbit, or one for each rack: 100mbit,20mbit."
        )
    return rates


def free_port(first: int) -> int:
    """The first port from here on that nobody listens on, of 50.

    Raises:
        MachineError: all are taken.
    """
    for port in range(first, first + 50):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise MachineError(
        f"The ports {first} to {first + 49} of 127.0.0.1 are taken: stop a program that uses one."
    )


def _say(text: str) -> None:
    print(text.strip(), file=sys.stderr)


def user() -> int:
    """The number of the user whom the student's files belong to: this one, or, for root, that of ``work/``."""
    if own := os.getuid():
        return own
    work = project_root() / "work"
    work.mkdir(exist_ok=True)
    # No container runs as root. What root has prepared is handed over to an ordinary user.
    if not (owner := work.stat().st_uid):
        owner = 1000
        for path in (work, *work.rglob("*")):
            os.chown(path, owner, owner)
    return owner


def _wait(workers: int) -> None:
    """Waits until JupyterLab answers and the workers have registered.

    Asked from here, because a check of health that runs every second in each container costs what it measures.
    """
    (lab,), (master,) = _inspect(_ids("lab")), _inspect(_ids("master"))
    begun = time.monotonic()
    while True:
        for one in _inspect(_ids(all=True)):
            if one["State"]["Status"] == "exited":
                last = _docker(["logs", "--tail", "1", one["Id"]], both=True).strip()
                raise MachineError(
                    f"The container {one['Name'].lstrip('/')} has ended: {last or 'it did not say why'}"
                )
        there = json.loads(_page(_published(master), "/json/") or "{}").get("aliveworkers") == workers
        if there and _page(_published(lab), "/api"):
            return
        if time.monotonic() - begun > _PATIENCE:
            raise MachineError(
                f"The cluster is not ready after {_PATIENCE} s: `sparklimits cluster status` shows its containers."
            )
        time.sleep(0.5)


def _page(port: int, path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return str(answer.read().decode())
    except (OSError, http.client.HTTPException):
        return ""


def _shape(machines: Machines) -> None:
    """Gives every worker's link, and the lab's into the cluster's network, its rate; workers take the racks in turn."""
    (lab,) = _inspect(_ids("lab"))
    workers = sorted(_inspect(_ids("worker")), key=lambda one: int(one["Name"].rsplit("-", 1)[1]))
    rates = [machines.mbit[number % len(machines.mbit)] for number in range(len(workers))]
    for one, rate in [(lab, max(machines.mbit)), *zip(workers, rates, strict=True)]:
        _docker(
            ["run", "--rm", "--network", f"container:{one['Id']}", "--cap-drop", "ALL", "--cap-add", "NET_ADMIN",
             "--user", "root", image(), "sh", "-c", _SHAPE, _address(one), f"{rate:g}mbit",
             str(max(16_000, round(rate * 1e6 / 8 / 100)))]
        )  # fmt: skip


#: A token bucket on the interface with the address $0: the rate $1, and $2 bytes at once (a hundredth of a second).
#: What waits for its turn is kept, so that TCP slows down instead of losing packets.
_SHAPE = """\
link=$(ip -o -4 address | awk -v address="$0" 'index($4, address "/") == 1 {print $2}')
tc qdisc replace dev "$link" root tbf rate "$1" burst "$2" limit 4000000
"""


def _link(container: dict[str, Any]) -> str:
    show = _run(["docker", "exec", container["Id"], "tc", "qdisc", "show"]).stdout
    return next((line.split(" rate ")[1].split()[0] for line in show.splitlines() if "qdisc tbf" in line), "")


def _state(container: dict[str, Any]) -> str:
    state = container["State"]
    words = [state["Status"]]
    if state["Running"] and (health := state.get("Health", {}).get("Status")):
        words.append(health)
    if state["OOMKilled"] or (state["Running"] and _killed_for_memory(container["Id"])):
        words.append("was out of memory")
    return ", ".join(words)


def _killed_for_memory(container: str) -> bool:
    """Whether the kernel has killed a process of a running container because of its limit of memory."""
    files = ["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"]  # cgroup 2, cgroup 1
    said = _run(["docker", "exec", container, "cat", *files]).stdout
    return any(int(count) > 0 for count in re.findall(r"^oom_kill (\d+)$", said, re.MULTILINE))


def _address(container: dict[str, Any]) -> str:
    networks = container["NetworkSettings"]["Networks"]
    return next(one["IPAddress"] for name, one in networks.items() if name.endswith("_cluster"))


def _published(container: dict[str, Any]) -> int:
    (port,) = (bound[0] for bound in container["HostConfig"]["PortBindings"].values())
    return int(port["HostPort"])


def _environment(container: dict[str, Any]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in container["Config"]["Env"])


def _ids(role: str = "", all: bool = False) -> list[str]:
    """The containers of the cluster: those that run, or all."""
    labels = [f"label=com.docker.compose.project={project()}"]
    if role:
        labels.append(f"label=sparklimits.role={role}")
    filters = [part for label in labels for part in ("--filter", label)]
    return _docker(["ps", "--quiet", "--no-trunc", *(["--all"] if all else []), *filters]).split()


def _inspect(ids: Sequence[str]) -> list[dict[str, Any]]:
    return json.loads(_docker(["inspect", *ids])) if ids else []


def project() -> str:
    """Compose's name for this user's cluster: several users may share one engine."""
    return os.environ.get("COMPOSE_PROJECT_NAME") or f"sparklimits-{os.getuid()}"


def _compose_command(*arguments: str) -> list[str]:
    file = project_root() / "docker" / "compose.yaml"
    if not file.is_file():
        raise MachineError(
            f"There is no {file}. Run this inside the course's folder, or set SPARKLIMITS_HOME to it."
        )
    return ["docker", "compose", "--project-name", project(), "--file", str(file), *arguments]


def _compose(arguments: Sequence[str], settings: Mapping[str, str]) -> None:
    """Runs compose; what it says passes through, on standard error."""
    process = subprocess.Popen(
        _compose_command(*arguments), env={**os.environ, **settings}, stdout=sys.stderr,
        stderr=subprocess.PIPE, text=True, errors="replace",
    )  # fmt: skip
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        sys.stderr.write(line)
        said.append(line)
    if process.wait():
        raise MachineError(_explained("".join(said)))


def _docker(arguments: Sequence[str], both: bool = False) -> str:
    """What docker prints; with ``both``, what it writes to standard error too."""
    done = _run(["docker", *arguments])
    if done.returncode:
        raise MachineError(_explained(done.stderr))
    return done.stdout + done.stderr if both else done.stdout


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise MachineError(
            "Docker is not installed: https://docs.docker.com/engine/install tells how. The labs run without it, on "
            "the embedded cluster."
        ) from None


def _explained(said: str) -> str:
    for signs, remedy in _REMEDIES.items():
        if all(sign in said for sign in signs):
            return remedy
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"Docker failed: {lines[-1] if lines else 'it did not say why'}"
