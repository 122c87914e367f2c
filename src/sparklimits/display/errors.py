"""Errors in a notebook: one paragraph for the reader, with the whole story folded below it."""

from __future__ import annotations

import html
import sys
import textwrap
from types import TracebackType
from typing import Any

from sparklimits.machine import reasons
from sparklimits.spark import interrupts

_WIDTH = 100
#: The method by which an error writes its own traceback for IPython.
_SHORT = "_render_traceback_"
_shown: list[BaseException] = []

_ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


def show_in_notebooks() -> None:
    """Tells IPython, where this runs in it, to show errors in this way, and to pass interrupts on to Spark.

    IPython's own handler for certain errors (``set_custom_exc``) would not do: it does not hear of those that come
    while a result is shown, and every value of Spark asks Java then.
    """
    from IPython import get_ipython

    shell = get_ipython()  # type: ignore[no-untyped-call]
    if shell is None or "showtraceback" in vars(shell):
        return
    plainly = shell.showtraceback

    def showtraceback(exc_tuple: _ExcInfo | None = None, *arguments: Any, **options: Any) -> None:
        # Without an error at hand this is %tb, which shows all.
        error = (exc_tuple or sys.exc_info())[1]
        with interrupts.held_off():
            if error is not None and reasons.is_long(error):
                try:
                    return _show(shell, error)
                except Exception:  # better a long account than none
                    vars(error).pop(_SHORT, None)
            plainly(exc_tuple, *arguments, **options)

    shell.showtraceback = showtraceback
    shell.events.register("pre_run_cell", _begin)
    shell.events.register("post_run_cell", _end)


def _begin(_: Any) -> None:
    # ipykernel sets Python's own handler before each cell.
    interrupts.begin()


def _end(_: Any) -> None:
    while _shown:  # from now on %tb shows all
        vars(_shown.pop()).pop(_SHORT, None)


def _show(shell: Any, error: BaseException) -> None:
    shell._get_exc_info((type(error), error, error.__traceback__))  # for %tb, %debug and %pdb
    # What comes of an interrupt need not be one: on its way pyspark can turn it into an error of Java.
    reason = reasons.of(
        KeyboardInterrupt().with_traceback(error.__traceback__) if interrupts.happened() else error
    )
    lines = textwrap.wrap(str(reason), _WIDTH)
    # Seconds go by when IPython writes the whole traceback into its history, a page for each call within pyspark.
    setattr(error, _SHORT, lambda: lines)
    _shown.append(error)
    shell._showtraceback(reason.kind, str(reason), lines)
    if getattr(shell, "kernel", None) is not None:
        from IPython.display import HTML, display

        display(HTML(folded(reasons.story(error))))


def folded(story: str) -> str:
    """A long account as HTML that one click unfolds."""
    return f"<details><summary>The whole story</summary><pre>{html.escape(story)}</pre></details>"
