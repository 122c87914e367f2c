"""A process that ends when whoever started it has ended, however that was: their end of its input closes."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time

import psutil

#: Seconds for what runs below to end in order, before it is killed.
GRACE = 15


def hold() -> None:
    """From now on this process, the first of its group, ends with its standard input, and all below it too."""
    threading.Thread(target=_wait, daemon=True).start()


def _wait() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1024):
            pass
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(GRACE)
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    os.killpg(0, signal.SIGKILL)
