"""A report that can be sent to others: all that the doctor found, without names or paths of the person."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import platform
import pwd
import re
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sparklimits import __version__
from sparklimits.machine import paths

NAME = "sparklimits-report.txt"
#: Lines of the log of a start that failed.
_LINES = 200


def write(found: dict[str, Any]) -> Path:
    """Writes the report into the current folder, or the home where that cannot be written; returns its path."""
    text = "\n".join(_parts(found))
    for folder in (Path.cwd(), Path.home(), Path(tempfile.gettempdir())):
        with contextlib.suppress(OSError):
            (folder / NAME).write_text(text + "\n", "utf-8")
            return folder / NAME
    raise OSError("no folder can be written")


def _parts(found: dict[str, Any]) -> Iterator[str]:
    yield f"sparklimits {__version__}, Python {platform.python_version()}, {platform.platform()}, {platform.machine()}"
    yield json.dumps(_each_string(found), indent=1, ensure_ascii=False)
    for base in paths.bases():
        with contextlib.suppress(OSError):
            log = (base / "last-failed-start.log").read_text("utf-8", "replace").splitlines()
            yield f"The last start of Spark that failed, its last {_LINES} lines:"
            yield from map(anonymous, log[-_LINES:])


def _each_string(found: Any) -> Any:
    """The same, each string in it anonymous: in JSON, a quotation mark in a path would be written in another way."""
    if isinstance(found, dict):
        return {key: _each_string(value) for key, value in found.items()}
    if isinstance(found, list):
        return [_each_string(value) for value in found]
    return anonymous(found) if isinstance(found, str) else found


def anonymous(text: str) -> str:
    """The text without this person's names, machine, and paths."""
    for folder, word in sorted(_folders().items(), key=lambda one: -len(one[0])):
        for written in (folder, quote(folder), ascii(folder)[1:-1]):
            text = text.replace(written, word)
    text = re.sub(r"<(home|here)>(/[^\s\"',;:()<>]+)+", r"<\1>/…", text)
    text = re.sub(r"\b[a-z][a-z0-9+.-]*://(?!(127\.0\.0\.1|localhost)\b)[^\s\"'<>]+", "<address>", text)
    text = re.sub(r"[\w.+-]+@[\w-]+\.[\w.]+", "<mail>", text)
    # What is left of paths: the system's own say something about the machine, others are somebody's.
    text = re.sub(
        r"(?<![\w<>/])/(?!usr/|opt/java|etc/|proc/|sys/|dev/|bin/|lib)[^\s\"',;:()<>]+", "<path>", text
    )
    text = re.sub(r"\b(?!127\.0\.0\.1\b)\d{1,3}(\.\d{1,3}){3}\b", "<address>", text)
    for name in sorted(_names(), key=len, reverse=True):
        text = re.sub(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", "<name>", text, flags=re.IGNORECASE)
    return text


def _folders() -> dict[str, str]:
    """The folders that say something about the person, each with the word for it."""
    words = {
        str(paths.project_root()): "<course>",
        str(Path(__file__).resolve().parents[3]): "<course>",
        str(Path.cwd()): "<here>",
        os.environ.get("PWD", ""): "<here>",
        os.path.expanduser("~"): "<home>",
        os.path.realpath(os.path.expanduser("~")): "<home>",
        sys.prefix: "<python>",
        tempfile.gettempdir(): "<tmp>",
        **{str(base): "<temporary files>" for base in paths.bases()},
    }
    return {folder: word for folder, word in words.items() if len(folder) > 1}


def _names() -> set[str]:
    """The names of the user and of the machine, as far as they tell who it is."""
    host = socket.gethostname()
    found = {host, host.split(".")[0], os.environ.get("USER", ""), os.environ.get("LOGNAME", "")}
    with contextlib.suppress(Exception):
        found.add(getpass.getuser())
    with contextlib.suppress(KeyError):
        entry = pwd.getpwuid(os.getuid())
        found |= {entry.pw_name, entry.pw_gecos.split(",")[0], *entry.pw_gecos.split(",")[0].split()}
    found |= {
        part for part in Path(os.path.expanduser("~")).parts if part not in ("/", "home", "Users", "root")
    }
    return {name for name in found if name and len(name) > 1 and name not in ("root", "student", "localhost")}
