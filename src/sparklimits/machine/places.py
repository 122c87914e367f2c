"""What a folder is good for: names that Spark can read, links, programs. Tried, not read from the list of mounts."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from sparklimits.errors import MachineError
from sparklimits.machine import messages

#: How the private folders begin that lie outside of the folder for temporary files.
PREFIX = "sparklimits-"


def is_plain(folder: Path) -> bool:
    """Whether all of Spark can read this path.

    A colon parts a class path, a comma a list of folders, `[2026]` or `{a,b}` is a pattern to Hadoop, and the path of
    a socket has about a hundred characters.
    """
    return bool(re.fullmatch(r"[\w./+-]{1,80}", str(folder), re.ASCII))


def can_link(folder: Path) -> bool:
    """Whether a link can be made there: not on an exFAT stick, nor in many shared or synchronised folders."""
    link = folder / f"link-{os.urandom(4).hex()}"
    try:
        link.symlink_to(folder)
        return link.is_symlink()
    except OSError:
        return False
    finally:
        link.unlink(missing_ok=True)


def can_execute(folder: Path) -> bool:
    """Whether a program that lies there can be started: not on a disk that is mounted with ``noexec``."""
    program = folder / f"program-{os.urandom(4).hex()}"
    try:
        program.write_text("#!/bin/sh\nexit 0\n")
        program.chmod(0o700)
        return subprocess.run([program], capture_output=True).returncode == 0
    except OSError:
        return False
    finally:
        program.unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """Removes a folder with whatever other people's code has put there; what cannot be removed stays."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:  # a thousand folders within each other: `rm` does not call itself for each
        subprocess.run(["rm", "-rf", "--", str(folder)], capture_output=True)


def private(good: Callable[[Path], bool], purpose: str) -> Path:
    """A new folder of this user alone, with a plain path, in the first of the usual places that is good for it.

    Raises:
        MachineError: none is; ``purpose`` says what it is for, after "where".
    """
    tried = []
    for base in _usual():
        with contextlib.suppress(OSError):
            base.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
            if is_plain(folder / "scratch") and good(folder):
                return folder
            folder.rmdir()
        tried.append(str(base))
    raise MachineError(messages.tell("no_place", purpose=purpose, tried=", ".join(tried)))


def _usual() -> Iterator[Path]:
    """The places for temporary files, as programs know them; what is memory in truth comes last."""
    named = (os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    seen = set()
    for place in (*named, "/tmp", "/var/tmp", runtime, str(cache()), "/dev/shm"):
        if place and os.path.isabs(place) and place not in seen:
            seen.add(place)
            yield Path(place)


def cache() -> Path:
    """This user's own folder for what may be lost; it need not be there yet."""
    if named := os.environ.get("XDG_CACHE_HOME"):
        return Path(named) / "sparklimits"
    return Path(os.environ.get("HOME") or "/nonexistent") / ".cache" / "sparklimits"
