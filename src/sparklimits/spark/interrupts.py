"""An interrupt is an interrupt: the jobs are cancelled at once, and the session can be used again.

By itself, pyspark does neither in a notebook. Where an interrupt comes while Java is asked something, the answer still
comes, later, and the next question on the same connection takes it for its own. And pyspark's way to the end of a
result waits until the job has run through.
"""

from __future__ import annotations

import _thread
import contextlib
import signal
import threading
import time
from types import FrameType
from typing import Any

#: Seconds in which jobs are cancelled again and again: a function may go on for a moment, and start one more.
_INSIST = 3.0

_happened = False


def guard(gateway: Any) -> None:
    """Makes the connection to Java safe: after an interrupt within a question, the next one has a new connection."""
    client = gateway._gateway_client
    ask = client.send_command

    def send_command(*arguments: Any, **options: Any) -> Any:
        try:
            return ask(*arguments, **options)
        except KeyboardInterrupt:
            connection = client.get_thread_connection()
            if connection is not None:
                connection.close()
                client.thread_connection.connection = None
            raise

    client.send_command = send_command


def install() -> None:
    """From now on an interrupt of this process cancels all jobs of Spark before anything else happens."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _interrupt)


def begin() -> None:
    """A new piece of work begins, which no earlier interrupt concerns."""
    global _happened
    _happened = False
    install()


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
