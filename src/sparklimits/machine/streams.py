"""The standard streams, as a terminal, a pipe, a full disk or nothing at all gives them to a command.

A result of minutes must not be lost because of where its words go.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any

#: Terminals that cannot write over a line: that of an editor, or of a job without one.
_DUMB = ("", "dumb", "unknown")


def settle() -> None:
    """Makes all three usable: a closed one leads nowhere, and a sign that a terminal lacks is written as its code.

    A descriptor that stayed closed would be the next file that is opened, and what a program below prints would go into
    that file.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            _lead_nowhere(number)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
    if isinstance(sys.stdout, io.TextIOWrapper):
        if sys.stdout.errors == "strict":
            sys.stdout.reconfigure(errors="backslashreplace")
        sys.stdout = _Output(sys.stdout)  # type: ignore[assignment]


class _Output:
    """Standard output, which remembers why it could not be written: the same error may come from any other file."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream
        self.refused: OSError | None = None

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self.refused = error
            raise

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self.refused = error
            raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def refused() -> OSError | None:
    """Why standard output takes no more; None while it does. What is still to be written then goes nowhere."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    error: OSError | None = getattr(sys.stdout, "refused", None)
    if error is not None:
        _lead_nowhere(1)  # otherwise Python would complain once more at its end
    return error


def say(text: str, end: str = "\n") -> None:
    """Writes to standard error. Where that cannot be written nobody reads it, and the work goes on."""
    try:
        print(text, end=end, file=sys.stderr, flush=True)
    except OSError:
        with contextlib.suppress(OSError):
            _lead_nowhere(2)


def columns() -> int:
    """How many signs of a line on standard error can be written over; 0 where a line stays as it is."""
    if not sys.stderr.isatty() or os.environ.get("TERM", "") in _DUMB:
        return 0
    try:
        return max(0, os.get_terminal_size(sys.stderr.fileno()).columns - 1) or 80
    except OSError:
        return 80


def _lead_nowhere(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != number:
        os.dup2(nowhere, number)
        os.close(nowhere)
    os.set_inheritable(number, True)
