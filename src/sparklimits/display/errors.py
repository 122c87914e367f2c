"""Errors in a notebook: one paragraph for the reader, with the whole story folded below it."""

from __future__ import annotations

import html
import textwrap
from types import TracebackType
from typing import Any

from sparklimits.machine import reasons
from sparklimits.spark import interrupts

_WIDTH = 100
#: The method by which an error writes its own traceback for IPython.
_SHORT = "_render_traceback_"


def show_in_notebooks() -> None:
    """Tells IPython, where this runs in it, to show errors in this way, and to pass interrupts on to Spark."""
    from IPython import get_ipython

    shell = get_ipython()  # type: ignore[no-untyped-call]
    if shell is None:
        return
    shell.set_custom_exc((Exception, KeyboardInterrupt), _show)
    if _begin not in shell.events.callbacks["pre_run_cell"]:
        shell.events.register("pre_run_cell", _begin)
        shell.events.register("post_run_cell", _end)


def _begin(_: Any) -> None:
    # ipykernel sets Python's own handler before each cell.
    interrupts.begin()


def _end(result: Any) -> None:
    vars(result.error_in_exec or result).pop(_SHORT, None)  # from now on %tb shows all


def _show(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType,
    tb_offset: int | None = None,
) -> list[str] | None:
    """What IPython calls with the error of a cell. Errors of plain Python are shown in IPython's own way."""
    if not reasons.is_long(error):
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
        return None
    shell._get_exc_info((kind, error, trace))  # for %tb, %debug and %pdb
    reason = reasons.of(error)
    kind, told = reason.kind, str(reason)
    lines = textwrap.wrap(told, _WIDTH)
    # Seconds go by when IPython writes the whole traceback into its history, a page for each call within pyspark.
    setattr(error, _SHORT, lambda: lines)
    shell._showtraceback(kind, told, lines)
    if getattr(shell, "kernel", None) is not None:
        from IPython.display import HTML, display

        display(HTML(_folded(reasons.story(error))))
    return None


def _folded(story: str) -> str:
    return f"<details><summary>The whole story</summary><pre>{html.escape(story)}</pre></details>"
