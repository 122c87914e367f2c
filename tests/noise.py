"""What else may run on a machine while something is graded."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator

#: Both end with the process that has started them.
PROCESSORS = """\
import os

parent = os.getppid()
while os.getppid() == parent:
    pass
"""
#: Written and forced to the disk, half of a gigabyte each time, and taken away again.
DISK = """\
import os
from pathlib import Path

parent = os.getppid()
while os.getppid() == parent:
    with Path("noise").open("wb") as out:
        for part in range(64):
            out.write(os.urandom(1 << 23))
            os.fsync(out.fileno())
    Path("noise").unlink()
"""
#: By name: the program, and how many of it run on a machine of this many processors.
KINDS = {"nothing": ("", 0), "processors": (PROCESSORS, os.cpu_count() or 1), "disk": (DISK, 1)}


@contextlib.contextmanager
def beside(kind: str) -> Iterator[None]:
    """The body runs beside this kind of load, which is on from its begin to its end."""
    program, many = KINDS[kind]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        for _ in range(many):
            process = running.enter_context(subprocess.Popen([sys.executable, "-c", program], cwd=folder))
            running.callback(process.kill)
        yield
