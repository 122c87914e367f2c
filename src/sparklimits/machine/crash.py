"""What a command says of an error that nobody expected: its sentence, or where its whole story is kept."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from sparklimits import __version__
from sparklimits.errors import SparkLimitsError
from sparklimits.machine import faults, messages, reasons
from sparklimits.machine.paths import bases
from sparklimits.machine.places import PREFIX

#: The file that holds the whole story of the last error without a sentence.
LOG = "last-error.log"


def told(error: Exception) -> str:
    """One paragraph: what happened and what to do."""
    if isinstance(error, SparkLimitsError):
        return str(error)
    if fault := faults.of_the_machine(error):
        return fault
    if isinstance(error, PermissionError | FileNotFoundError) and error.filename is not None:
        name = "no_permission" if isinstance(error, PermissionError) else "no_file"
        return messages.every()[name].told(path=os.fsdecode(error.filename))
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("sparklimits"):
        return messages.tell("no_package", package=error.name)
    log = _kept(error)
    where = (
        f"The whole story is in {log}." if log else "Its story could not be kept: no folder can be written."
    )
    return messages.tell("unknown", reason=reasons.of(error).told.rstrip("."), log=where)


def _kept(error: Exception) -> Path | None:
    """Writes the whole story where it stays when this process ends."""
    text = (
        f"{time.strftime('%Y-%m-%d %H:%M:%S')}  sparklimits {__version__}, Python {platform.python_version()}, "
        f"{platform.platform()}\n{' '.join(sys.argv)}\n\n{reasons.story(error)}"
    )
    for folder in (*bases(), Path(tempfile.gettempdir()) / f"{PREFIX}{os.getuid()}"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / LOG).write_text(text, "utf-8")
        except OSError:
            continue
        return folder / LOG
    return None
