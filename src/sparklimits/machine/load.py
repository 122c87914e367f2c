"""What other programs of this machine do while something is measured."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict

import psutil

#: Processors that the others together must use to be worth a word: less moves no pair.
_SOME = 0.15


class Others:
    """Counts the processor time of all processes but this one's tree, from now on."""

    def __init__(self) -> None:
        self._began, self._before = time.monotonic(), _seconds()

    def told(self) -> str:
        """How many processors the others used since then, and which program most; nothing when they used few."""
        used: defaultdict[str, float] = defaultdict(float)
        for process, (name, seconds) in _seconds().items():
            # What has begun since then has used all of its time since then.
            used[name] += max(0.0, seconds - self._before.get(process, ("", 0.0))[1])
        processors = sum(used.values()) / max(1e-3, time.monotonic() - self._began)
        if processors < _SOME:
            return ""
        name = max(used, key=lambda one: used[one])
        return f"meanwhile other programs used {processors:.1f} processors, most of it {name}"


def _seconds() -> dict[tuple[int, float], tuple[str, float]]:
    """Of each process outside this one's tree its name and processor seconds, by number and start."""
    own = {process.pid for process in (psutil.Process(), *psutil.Process().children(recursive=True))}
    found = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid not in own:
                times = process.cpu_times()
                key = process.pid, process.create_time()
                found[key] = process.name(), times.user + times.system
    return found
