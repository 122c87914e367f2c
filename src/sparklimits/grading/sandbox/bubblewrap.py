"""The command that runs another one in bubblewrap: a file system, a network and a list of processes of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

#: What is in memory: the place for what ignores TMPDIR.
_SMALL = 256 * 2**20


@cache
def version() -> str:
    """The version of the program; nothing where it is missing. (On PyPI another thing has the same name.)"""
    program = shutil.which("bwrap")
    if not program:
        return ""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.match(r"bubblewrap (\d[\w.]*)", done.stdout)
    return found[1] if found else ""


def command(
    argv: Sequence[str],
    folder: Path,
    system: Sequence[Path],
    readable: Sequence[Path],
    hidden: Sequence[Path],
    environment: Mapping[str, str],
) -> list[str]:
    """The command with all of the isolation in it.

    Args:
        argv: the program and its arguments.
        folder: the one folder that can be written; the program starts there.
        system: read-only, links as links.
        readable: read-only too.
        hidden: folders that are empty inside, also where something above them is shown.
        environment: all the variables.
    """
    return [
        shutil.which("bwrap") or "bwrap", *_APART, *_newest(), *_mounts(folder, system, readable, hidden),
        # What is left is the root itself, which only holds the places of all these.
        "--remount-ro", "/", "--chdir", str(folder),
        *(word for name, value in environment.items() for word in ("--setenv", name, value)),
        "--", *argv,
    ]  # fmt: skip


#: Everything of its own; nothing inherited; everything ends with the process that started it.
_APART = (
    "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
    "--hostname", "localhost", "--cap-drop", "ALL", "--clearenv", "--new-session", "--die-with-parent",
)  # fmt: skip


@cache
def _newest() -> tuple[str, ...]:
    """No further namespaces inside, which is where most holes of the kernel are: from version 0.8 on."""
    numbers = [int(number) for number in re.findall(r"\d+", version())[:2]]
    return ("--disable-userns",) if numbers >= [0, 8] else ()


def _mounts(
    folder: Path, system: Sequence[Path], readable: Sequence[Path], hidden: Sequence[Path]
) -> list[str]:
    words = ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--size", str(_SMALL), "--tmpfs", "/tmp"]
    for path in system:
        words += ["--symlink", str(path.readlink()), str(path)] if path.is_symlink() and len(path.parts) == 2 else [
            "--ro-bind", str(path), str(path)
        ]  # fmt: skip
    shown = [*system, *readable]
    places = {path: ["--ro-bind", str(path), str(path)] for path in readable}
    for path in hidden:
        if any(one in path.parents for one in shown) and path.is_dir():
            places[path] = ["--tmpfs", str(path)]
    places[folder] = ["--bind", str(folder), str(folder)]
    # From the outside in: what is mounted later lies above what was there.
    for path in sorted(places, key=lambda path: (len(path.parts), str(path))):
        words += places[path]
    return words
