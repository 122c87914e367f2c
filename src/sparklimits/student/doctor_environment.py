"""What surrounds the labs: Python and its packages, what other installations left, whose the folders are."""

from __future__ import annotations

import importlib
import importlib.metadata
import locale
import os
import platform
import sys
import tempfile

from sparklimits.machine import environment, messages, paths, user
from sparklimits.machine.scale import scale_from_environment
from sparklimits.spark import master
from sparklimits.spark.constraints import Constraints
from sparklimits.student.findings import Finding, tried


def findings() -> list[Finding]:
    """The lines of this part."""
    looks = {
        "Python": _python,
        "Packages": _packages,
        "Other Sparks": _other_sparks,
        "Set aside": _set_aside,
        "Names of files": _names_of_files,
        "User": _user,
        "Course": _course,
        "Settings": _settings,
        "Training together": _training,
    }
    return [tried(name, look) for name, look in looks.items()]


def _python() -> Finding:
    found = f"{platform.python_version()} ({sys.executable})"
    if sys.flags.optimize > 1:
        remedy = "unset PYTHONOPTIMIZE: packages lack texts that they read, and cannot be imported"
        return Finding("Python", False, f"{found}, with -OO", remedy)
    ok = sys.version_info >= (3, 11)
    return Finding("Python", ok, found, "" if ok else "install Python 3.11 or newer")


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


def _other_sparks() -> Finding:
    """Another pyspark that Python would have found first."""
    name, others = "Other Sparks", environment.left_aside()
    if not others:
        return Finding(name, True, "none on Python's path")
    return Finding(name, True, f"left aside: {', '.join(others)}", "unset PYTHONPATH to be rid of it")


def _set_aside() -> Finding:
    """What another installation left in the variables, and the embedded cluster does not get."""
    found = environment.set_aside()
    if not found:
        return Finding("Set aside", True, "nothing of another Spark, Hadoop or Java is in the variables")
    told = ", ".join(f"{name} ({what})" for name, what in found.items())
    return Finding("Set aside", True, f"for the embedded cluster: {told}")


def _names_of_files() -> Finding:
    """Whether names in any language can be used by what a lab starts."""
    wanted, now = environment.utf8_locale(), locale.setlocale(locale.LC_CTYPE)
    there = environment.knows(wanted)
    if not there and not (sys.executable + str(paths.project_root())).isascii():
        remedy = (
            "install a locale of UTF-8, or move the course to a folder whose name has English letters only"
        )
        return Finding("Names of files", False, f"this system knows no locale of UTF-8 (it is {now})", remedy)
    return Finding(
        "Names of files", True, f"in any language (the locale is {now}; the cluster gets {wanted})"
    )


def _user() -> Finding:
    home = os.path.expanduser("~")
    if user.has_name():
        return Finding("User", True, f"has a name; the home is {home}")
    return Finding("User", True, f"a number without a name: called {user.NAME!r} here; the home is {home}")


def _course() -> Finding:
    root, work = paths.project_root(), paths.work_folder()
    if not (root / "labs").is_dir():
        remedy = "run this in the course's folder, or set SPARKLIMITS_HOME"
        return Finding("Course", False, f"no labs in {root}", remedy)
    place = next(one for one in (work, *work.parents) if one.exists())
    try:
        tempfile.TemporaryDirectory(prefix=".sparklimits-", dir=place).cleanup()
    except OSError as error:
        remedy = messages.tell("work_not_writable", path=work, reason=error.strerror or error)
        return Finding("Course", False, f"in {root}", remedy)
    shared = "" if work == root / "work" or "SPARKLIMITS_WORK" in os.environ else ", which is shared"
    return Finding("Course", True, f"in {root}{shared}; your copies are in {work}")


def _settings() -> Finding:
    """What the user's own settings say, and whether they mean something."""
    scale, backend = scale_from_environment(), master.backend()
    master.address(Constraints())  # does a cluster that is named answer?
    return Finding("Settings", True, f"the data are {scale:g} times the usual; the cluster is {backend}")


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
