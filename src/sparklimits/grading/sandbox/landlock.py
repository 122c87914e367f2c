"""Landlock, where the kernel refuses namespaces (in an unprivileged container, on a hub): *reduced isolation*.

Files alone are kept away. The network, the list of processes and ``/tmp`` are everybody's. This module is also the
program that runs the other one: it stays beside it, so that processes which left their parents are its children.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import landlockpy
import psutil
from landlockpy import AccessFS, AccessNet, Ruleset, Scope

#: What every program writes to or reads from; the folder for shared memory is not among them.
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
#: What the kernel tells of the machine. Not of processes: those of others would show their variables.
_MACHINE = (
    "cpuinfo",
    "meminfo",
    "stat",
    "uptime",
    "loadavg",
    "version",
    "filesystems",
    "sys/kernel",
    "sys/vm",
)
_SET_DEATH_SIGNAL, _SET_CHILD_SUBREAPER = 1, 36


@cache
def abi() -> int:
    """Which version of Landlock the kernel has; 0 for none."""
    return landlockpy.abi_version()


def command(argv: Sequence[str], folder: Path, readable: Sequence[Path]) -> list[str]:
    """The command that runs another one with nothing to write but ``folder``, and these others to read."""
    shown = json.dumps({"folder": str(folder), "readable": [str(one) for one in readable]})
    return [sys.executable, "-I", "-m", __name__, shown, *argv]


def main(shown: str, argv: list[str]) -> int:
    """Runs the command, ends all that it leaves, and returns its status as a shell does."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = os.fork()
    if not child:
        _restrict(**json.loads(shown))
        os.execvp(argv[0], argv)
    signal.signal(signal.SIGTERM, _stop)
    prctl(_SET_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
    if os.getppid() == 1:  # who started this is gone already
        _end_all()
    status = -1
    while True:
        try:
            found, waited = os.wait()
        except ChildProcessError:
            return status
        if found == child:
            code = os.waitstatus_to_exitcode(waited)
            status = code if code >= 0 else 128 - code
            _end_all()


def _restrict(folder: str, readable: list[str]) -> None:
    reading = AccessFS.READ_FILE | AccessFS.READ_DIR | AccessFS.EXECUTE
    on_files = AccessFS.READ_FILE | AccessFS.EXECUTE
    writing = ~(AccessFS.MAKE_CHAR | AccessFS.MAKE_BLOCK | AccessFS.IOCTL_DEV)
    # To find a module Python lists the folders of its path, also one that holds nothing else that is shown.
    rules: dict[str, Any] = {path: AccessFS.READ_DIR for path in sys.path if os.path.isdir(path)}
    rules |= {path: reading if os.path.isdir(path) else on_files for path in readable}
    rules |= dict.fromkeys(_DEVICES, AccessFS.READ_FILE | AccessFS.WRITE_FILE)
    rules |= {f"/proc/{name}": AccessFS.READ_FILE for name in _MACHINE if os.path.exists(f"/proc/{name}")}
    rules[folder] = writing
    # Spark's parts talk over TCP, on any port: Landlock cannot tell this machine's from others'.
    with Ruleset(handled_net=AccessNet.NONE, scoped=Scope.ABSTRACT_UNIX_SOCKET | Scope.SIGNAL) as ruleset:
        for path, access in rules.items():
            ruleset.allow_path(path, access & ruleset.handled_fs)
        ruleset.restrict()


def _stop(*_: Any) -> None:
    _end_all()
    os._exit(128 + signal.SIGTERM)


def _end_all() -> None:
    """Ends what is left: children, and those whose parents have ended, until there are no new ones."""
    while left := psutil.Process().children(recursive=True):
        alive = [one for one in left if one.status() != psutil.STATUS_ZOMBIE]
        for process in alive:
            process.kill()
        if not alive:
            return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
