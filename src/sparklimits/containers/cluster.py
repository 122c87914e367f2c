"""The Docker cluster: containers that stand for machines, on one engine, started and stopped by compose.

A worker has a share of a core, a limit of memory and a link of its own. Compose sets the first two. The link is
shaped by ``tc`` in a container that lives for a moment in the worker's network: nothing that stays has the right
to change it.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import sys
import time
from dataclasses import dataclass
from typing import Any

from sparklimits.containers import image
from sparklimits.containers.engine import (
    compose,
    container_ids,
    inspect,
    output,
    require,
    require_gpu,
    require_memory,
    run,
)
from sparklimits.errors import MachineError
from sparklimits.machine import messages, pytorch_index, web
from sparklimits.machine.paths import work_folder
from sparklimits.spark.constraints import Machines

#: The ports of JupyterLab and of Spark's page on 127.0.0.1; the next free one when they are taken.
LAB_PORT, SPARK_PORT = 8888, 8080
#: Room beside the executor's heap for its Python workers, and for what they train.
BESIDE_MB = 1536
#: The driver's link, in links of a worker: a head node serves all workers and has more.
DRIVER_LINKS = 10
#: How long the cluster may take until it is ready, seconds.
_PATIENCE = 120


@dataclass(frozen=True)
class Container:
    """A container as it is; ``link`` is the rate that ``tc`` tells, and the latency where it has one."""

    role: str
    name: str
    state: str
    cpus: float
    memory_mb: int
    link: str


def up(machines: Machines, gpu: bool = False) -> list[str]:
    """Builds the image if the checkout has changed, starts the cluster or changes the one that runs, shapes its links.

    With ``gpu``, or where the one that runs has it, the lab and one worker more get the NVIDIA GPU. Returns what to
    tell: the addresses of JupyterLab and of Spark's page.

    Raises:
        MachineError: the engine is not there, has no GPU to give, or refused; the message says what to do.
    """
    require()
    if short := require_memory(machines.workers):
        _say(short)
    gpu = gpu or _with_gpu()
    if gpu:
        require_gpu()
    build(gpu)
    settings = _settings(machines, gpu)
    scale = ["--scale", f"worker={machines.workers}"]
    compose(["up", "--detach", "--remove-orphans", *scale], settings)
    _shape(machines, settings["SPARKLIMITS_IMAGE"])
    _wait(machines.workers + gpu)
    return addresses()


def build(gpu: bool = False) -> None:
    """Builds the image if there is none of this checkout.

    Raises:
        MachineError: the engine is not there, or refused.
    """
    require()
    settings = _settings(Machines(), gpu)
    if image.made_from(settings["SPARKLIMITS_IMAGE"]) != image.source():
        compose(["build", "master"], settings)


def down() -> None:
    """Removes the containers, their networks and the volume of their data."""
    require()
    compose(["down", "--volumes", "--remove-orphans", "--timeout", "5"], _settings(Machines(), _with_gpu()))


def status() -> list[Container]:
    """The containers of the cluster, by name."""
    require()
    found = []
    for one in inspect(container_ids(ended=True)):
        host = one["HostConfig"]
        running = one["State"]["Running"]
        found.append(
            Container(
                one["Config"]["Labels"]["sparklimits.role"],
                one["Name"].lstrip("/"),
                _state(one),
                host["NanoCpus"] / 1e9,
                host["Memory"] // 2**20,
                _link(one) if running else "",
            )
        )
    return sorted(found, key=lambda one: one.name)


def addresses() -> list[str]:
    """Where JupyterLab and Spark's page are, as lines to print."""
    (lab,), (master,) = inspect(container_ids("lab")), inspect(container_ids("master"))
    token = _environment(lab)["JUPYTER_TOKEN"]
    return [
        f"JupyterLab: http://127.0.0.1:{published_port(lab)}/lab?token={token}",
        f"Spark: http://127.0.0.1:{published_port(master)}",
    ]


def _with_gpu() -> bool:
    """Whether the cluster that runs is the one with a GPU."""
    return any(
        one["Config"]["Labels"]["com.docker.compose.service"] == "lab-gpu"
        for one in inspect(container_ids("lab"))
    )


def _settings(machines: Machines, gpu: bool) -> dict[str, str]:
    """The variables of compose.yaml. What a running cluster was started with stays: its token, its ports."""
    running = {role: inspect(container_ids(role)) for role in ("lab", "master")}
    token = _environment(running["lab"][0])["JUPYTER_TOKEN"] if running["lab"] else secrets.token_hex(16)
    return {
        "COMPOSE_PROFILES": "gpu" if gpu else "cpu",
        "SPARKLIMITS_IMAGE": image.name(gpu),
        "SPARKLIMITS_SOURCE": image.source(),
        "SPARKLIMITS_TORCH_INDEX": pytorch_index.chosen(gpu, say=_say) or "default",
        "SPARKLIMITS_UID": str(user()),
        "SPARKLIMITS_WORK": str(work_folder()),
        "SPARKLIMITS_TOKEN": token,
        "SPARKLIMITS_LAB_PORT": str(
            published_port(running["lab"][0]) if running["lab"] else free_port(LAB_PORT)
        ),
        "SPARKLIMITS_SPARK_PORT": str(
            published_port(running["master"][0]) if running["master"] else free_port(SPARK_PORT)
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


def checked_latency(text: str) -> float:
    """Milliseconds from text such as ``5ms``.

    Raises:
        MachineError: it is none such.
    """
    if not (found := re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)ms", text.strip())):
        raise MachineError(f"--latency {text}: write milliseconds, such as 5ms.")
    return float(found[1])


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
    raise MachineError(messages.tell("ports_taken", first=first, last=first + 49))


def _say(text: str) -> None:
    print(text.strip(), file=sys.stderr)


def user() -> int:
    """The number of the user whom the student's files belong to: this one, or, for root, that of ``work/``."""
    if own := os.getuid():
        return own
    work = work_folder()
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
    (lab,), (master,) = inspect(container_ids("lab")), inspect(container_ids("master"))
    begun = time.monotonic()
    while True:
        for one in inspect(container_ids(ended=True)):
            if one["State"]["Status"] == "exited":
                last = output(["logs", "--tail", "1", one["Id"]], both=True).strip()
                name, reason = one["Name"].lstrip("/"), last.rstrip(".") or "it did not say why"
                raise MachineError(messages.tell("container_ended", name=name, reason=reason))
        there = json.loads(_page(published_port(master), "/json/") or "{}").get("aliveworkers") == workers
        if there and _page(published_port(lab), "/api"):
            return
        if time.monotonic() - begun > _PATIENCE:
            raise MachineError(messages.tell("cluster_not_ready", seconds=_PATIENCE))
        time.sleep(0.5)


def _page(port: int, path: str) -> str:
    try:
        return web.get(f"http://127.0.0.1:{port}{path}", timeout=5).decode()
    except OSError:
        return ""


def _shape(machines: Machines, image_name: str) -> None:
    """Gives every worker's link, and the lab's wider one into the cluster's network, its rate and latency.

    Workers take the racks in turn.
    """
    (lab,) = inspect(container_ids("lab"))
    workers = sorted(inspect(container_ids("worker")), key=lambda one: int(one["Name"].rsplit("-", 1)[1]))
    rates = [machines.mbit[number % len(machines.mbit)] for number in range(len(workers))]
    for one, rate in [(lab, DRIVER_LINKS * max(machines.mbit)), *zip(workers, rates, strict=True)]:
        output(
            ["run", "--rm", "--network", f"container:{one['Id']}", "--cap-drop", "ALL", "--cap-add", "NET_ADMIN",
             "--user", "root", image_name, "/opt/shape-link", address_of(one), f"{rate:g}mbit",
             str(max(16_000, round(rate * 1e6 / 8 / 100))), f"{machines.latency_ms:g}ms"]
        )  # fmt: skip


def _link(container: dict[str, Any]) -> str:
    show = run(["docker", "exec", container["Id"], "tc", "qdisc", "show"]).stdout
    found = [
        re.search(pattern, show) for pattern in (r"qdisc tbf .* rate (\S+)", r"qdisc netem .* delay (\S+)")
    ]
    return ", ".join(match[1] for match in found if match)


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
    said = run(["docker", "exec", container, "cat", *files]).stdout
    return any(int(count) > 0 for count in re.findall(r"^oom_kill (\d+)$", said, re.MULTILINE))


def address_of(container: dict[str, Any]) -> str:
    """Its address in the cluster's own network."""
    networks = container["NetworkSettings"]["Networks"]
    return next(one["IPAddress"] for name, one in networks.items() if name.endswith("_cluster"))


def published_port(container: dict[str, Any]) -> int:
    """The port of 127.0.0.1 that leads to it."""
    (port,) = (bound[0] for bound in container["HostConfig"]["PortBindings"].values())
    return int(port["HostPort"])


def _environment(container: dict[str, Any]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in container["Config"]["Env"])
