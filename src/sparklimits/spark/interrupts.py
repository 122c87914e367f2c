"""An interrupt is an interrupt: the jobs are cancelled at once, and the session can be used again.

By itself, pyspark does neither in a notebook: on its way out it waits for the end of the job, and the handler that it
sets, where it is in force, asks Java on a connection that still waits for an answer.
"""

from __future__ import annotations

import _thread
import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

#: Seconds in which jobs are cancelled again and again: a function may go on for a moment, and start one more.
_INSIST = 3.0

_happened = False


def install() -> None:
    """From now on an interrupt of this process cancels all jobs of Spark before anything else happens."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _interrupt)


@contextlib.contextmanager
def held_off() -> Iterator[None]:
    """Within the body no interrupt comes: a second press of the button is no second interrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def begin() -> None:
    """A new piece of work begins, which no earlier interrupt concerns."""
    global _happened
    _happened = False
    install()


def happened() -> bool:
    """Whether an interrupt has come since the work began."""
    return _happened


def heed() -> None:
    """Raises the interrupt again, where one has come since the work began and something on the way has swallowed it.

    Raises:
        KeyboardInterrupt: one has come.
    """
    if _happened:
        raise KeyboardInterrupt


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _happened
    _happened = True
    # No lock may be taken here, where the main thread may hold it: `threading.Thread` would take one.
    _thread.start_new_thread(_cancel, ())
    raise KeyboardInterrupt


def _cancel() -> None:
    from pyspark import SparkContext

    until = time.monotonic() + _INSIST
    while _happened and time.monotonic() < until:
        # It has a connection of its own: that of the main thread may wait for an answer.
        with contextlib.suppress(Exception):
            if (context := SparkContext._active_spark_context) is not None and context._jsc is not None:
                context._jsc.sc().cancelAllJobs()
        time.sleep(0.2)
