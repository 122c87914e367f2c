"""Says what a long piece of work does now: one line that is written over, in a notebook or in a terminal."""

from __future__ import annotations

import html
import sys
import time
from types import TracebackType

from sparklimits.machine import streams


class Progress:
    """Call it with a message; it adds the minutes and seconds since the start. Its ``with`` block ends the line.

    In a notebook the line is an output that is replaced (never standard error, which nbgrader would take for
    a failure); in a terminal it is one line of standard error; in a log file, one line for each message.
    """

    #: How many are saying something now.
    at_work = 0

    def __init__(self, title: str) -> None:
        self._title = title
        self._began = time.monotonic()
        self._display = None
        if _in_notebook():
            from IPython.display import HTML, display

            self._display = display(HTML(html.escape(title)), display_id=True)

    def __enter__(self) -> Progress:
        Progress.at_work += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves the last line, with the time that all took: what comes next, an error say, has a line of its own."""
        Progress.at_work -= 1
        self("done" if error is None else "stopped")
        if self._display is None and streams.columns():
            streams.say("")

    def __call__(self, message: str) -> None:
        elapsed = int(time.monotonic() - self._began)
        text = f"{self._title} · {message} · {elapsed // 60}:{elapsed % 60:02d}"
        if self._display is not None:
            from IPython.display import HTML

            self._display.update(HTML(html.escape(text)))
        elif width := streams.columns():
            clear_line()
            streams.say(text[:width], end="")
        else:
            streams.say(text)


def clear_line() -> None:
    """Takes the line off the terminal, in front of one that stays."""
    if streams.columns():
        streams.say("\r\x1b[K", end="")


def _in_notebook() -> bool:
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None
