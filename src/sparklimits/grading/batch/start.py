"""Starts a grading process that ends when whoever started it has ended, however that was: its input is closed then.

Little is imported before that holds: what grades takes seconds to load.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading

import psutil

from sparklimits.errors import in_one_line

#: Seconds for what runs below to end in order, before it is killed.
GRACE = 15


def hold() -> None:
    """From now on this process, the first of its group, ends with its standard input, and all below it too."""
    atexit.register(_end_below)
    threading.Thread(target=_wait, daemon=True).start()


def _wait() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1024):
            pass
    os.kill(os.getpid(), signal.SIGINT)
    threading.main_thread().join(GRACE)  # it ends in order when it can: it was interrupted
    _end_below()
    os.killpg(0, signal.SIGKILL)


def _end_below() -> None:
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def main() -> int:
    """Grades one submission; see :mod:`sparklimits.grading.batch.grader`. The last line of an error is its reason."""
    try:
        hold()
        from sparklimits.grading.batch import grader

        return grader.main(sys.argv[1:])
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        print(f"{type(error).__name__}: {in_one_line(error)}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
