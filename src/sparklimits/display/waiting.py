"""A cell that takes over five seconds and says nothing says what Spark does meanwhile, and for how long it runs."""

from __future__ import annotations

import contextlib
import html
import threading
import time
from typing import Any

from sparklimits.display.progress import Progress

#: Seconds of silence, and seconds between two looks.
_SILENCE, _LOOK = 5.0, 1.0


def show_in_notebooks() -> None:
    """Tells IPython, where this runs in a kernel, to watch over its cells."""
    from IPython import get_ipython

    shell = get_ipython()  # type: ignore[no-untyped-call]
    if getattr(shell, "kernel", None) is None or any(
        isinstance(getattr(one, "__self__", None), _Watcher) for one in shell.events.callbacks["pre_run_cell"]
    ):
        return
    watcher = _Watcher()
    shell.events.register("pre_run_cell", watcher.begin)
    shell.events.register("post_run_cell", watcher.end)


class _Watcher:
    """Has a thread for each cell, which writes one line and writes it over."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, _: Any) -> None:
        """A cell begins."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(self._over,), daemon=True)
        self._thread.start()

    def end(self, _: Any) -> None:
        """It has ended: its line is complete when the next cell begins."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _watch(self, over: threading.Event) -> None:
        began = time.monotonic()
        line = None
        if over.wait(_SILENCE):
            return
        while True:
            if Progress.at_work == 0:  # else somebody says more than we know
                what = doing()
                ended = over.is_set()
                seconds = int(time.monotonic() - began)
                what = "done" if ended else what
                text = _html(f"{what} · {seconds // 60}:{seconds % 60:02d}")
                if line is not None:
                    line.update(text)
                elif not ended:
                    from IPython.display import display

                    line = display(text, display_id=True)
            if over.is_set():
                return
            over.wait(_LOOK)


def doing() -> str:
    """What Spark does now, in a few words."""
    from pyspark import SparkContext

    with contextlib.suppress(Exception):  # it is being started or stopped, or is gone
        context = SparkContext._active_spark_context
        if context is not None:
            tracker = context.statusTracker()
            stages = [tracker.getStageInfo(number) for number in tracker.getActiveStageIds()]
            found = [one for one in stages if one is not None]
            if found:
                tasks, done = sum(one.numTasks for one in found), sum(one.numCompletedTasks for one in found)
                return f"Spark works: {done:,} of {tasks:,} tasks of this stage are done"
    return "this cell runs; Spark has no job now"


def _html(text: str) -> Any:
    from IPython.display import HTML

    return HTML(html.escape(text))
