"""What a program inside a sandbox can reach: tried by a few lines that run there, not read from settings."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil

import sparklimits
from sparklimits.errors import SparkLimitsError
from sparklimits.grading.sandbox.box import Sandbox
from sparklimits.machine.paths import scratch

#: What is tried, and how it is told of a sandbox in which it does not work out.
TRIALS = {
    "read": "files outside cannot be read",
    "write": "files outside cannot be written",
    "installed": "the interpreter and the course cannot be changed",
    "network": "there is no network",
    "sockets": "sockets of other programs cannot be reached",
    "powers": "programs that start others with your rights cannot be asked",
    "processes": "other processes cannot be seen",
}
#: Standard library only, and isolated: it shows what the sandbox does, not what a start-up file does.
_PROGRAM = """\
import json, os, socket, sys
given = json.loads(sys.argv[1])
def works(trial):
    try:
        return bool(trial())
    except OSError:
        return False
def write(path):
    with open(path, "a"):
        pass
    return True
def reach(family, address):
    with socket.socket(family) as one:
        one.settimeout(2)
        one.connect(address)
        return True
def sees():
    with open(f"/proc/{given['process']}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[19] == given["started"]
print(json.dumps({
    "read": works(lambda: given["secret"] in open(given["file"]).read()),
    "write": works(lambda: write(given["new"])),
    "installed": any(works(lambda: write(path)) for path in given["installed"]),
    "network": works(lambda: reach(socket.AF_INET, ("127.0.0.1", given["port"]))),
    "sockets": works(lambda: reach(socket.AF_UNIX, "\\0" + given["abstract"])),
    "powers": any(works(lambda: reach(socket.AF_UNIX, path)) for path in given["powers"]),
    "processes": works(sees),
}))
"""


@dataclass(frozen=True)
class Findings:
    """What held in a trial, by the names of :data:`TRIALS`; ``reason`` tells why the trial did not run at all."""

    held: frozenset[str] = frozenset()
    reason: str = ""


def tried(tier: str) -> Findings:
    """Runs the trial in a sandbox of this tier."""
    with (
        tempfile.TemporaryDirectory(dir=scratch(), prefix="box-") as inside,
        tempfile.TemporaryDirectory(dir=scratch(), prefix="outside-") as outside,
        socket.create_server(("127.0.0.1", 0)) as network,
        socket.socket(socket.AF_UNIX) as sockets,
    ):
        secret, name = secrets.token_hex(), f"sparklimits-{secrets.token_hex(8)}"
        Path(outside, "secret").write_text(secret)
        sockets.bind(f"\0{name}")
        sockets.listen()
        marks = [Path(sys.prefix, f".{name}"), Path(sparklimits.__file__).parent / f".{name}"]
        given = {
            "secret": secret, "file": f"{outside}/secret", "new": f"{outside}/new", "installed": list(map(str, marks)),
            "port": network.getsockname()[1], "abstract": name, "process": psutil.Process().pid,
            "started": _started(), "powers": powers(),
        }  # fmt: skip
        argv = [sys.executable, "-I", "-S", "-c", _PROGRAM, json.dumps(given)]
        try:
            with Sandbox(Path(inside), tier=tier).popen(
                argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            ) as run:
                out, errors = run.process.communicate(timeout=30)
            reached = json.loads(out)
        except (OSError, ValueError, subprocess.TimeoutExpired, SparkLimitsError) as error:
            told = locals().get("errors") or f"{type(error).__name__}: {error}"
            return Findings(reason=told.strip().splitlines()[-1])
        finally:
            for mark in marks:
                mark.unlink(missing_ok=True)
        return Findings(frozenset(one for one in TRIALS if reached[one] is False))


def powers() -> list[str]:
    """Sockets of this machine whose programs run what they are asked to, outside: engines, and a user's services."""
    user = f"/run/user/{os.getuid()}"
    engines = ("docker.sock", "podman/podman.sock", "containerd/containerd.sock")
    paths = [f"{place}/{one}" for place in ("/run", "/var/run", user) for one in engines]
    paths += ["/run/systemd/private", f"{user}/systemd/private", f"{user}/bus"]
    named = (os.environ.get("DOCKER_HOST", ""), os.environ.get("DBUS_SESSION_BUS_ADDRESS", ""))
    paths += [found[1] for one in named if (found := re.match(r"unix:(?:path=|//)([^,;]+)", one))]
    return [path for path in paths if os.path.exists(path)]


def _started() -> str:
    """When this process started, as the kernel counts: its number alone may be another one's inside."""
    return Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19]
