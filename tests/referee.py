"""An arm without a process: a thread that says what a test wants, over real pipes."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sparklimits.grading.referee import tables, wire

#: An order's answers: frames, each a message and what follows it.
Script = Callable[[dict[str, Any]], Iterator[tuple[dict[str, Any], bytes]]]
TASK = {
    "stage": 0, "executor": "0", "start": 0.1, "seconds": 0.5, "input_records": 10, "read_records": 0,
    "written_records": 5, "read_bytes": 0, "remote_bytes": 0, "written_bytes": 40, "memory_spilled": 0,
    "disk_spilled": 0, "gc_seconds": 0.0, "result_bytes": 900,
}  # fmt: skip
COUNTED = {"counters": {"jobs": 1, "forgotten": 0, "other": {}, "tasks": [TASK]}}


def honest(order: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
    """What an arm of the tiny lab says: of the data's count, half is even."""
    match order["do"]:
        case "start":
            yield {"started": True}, b""
        case "cells":
            for name in order["cells"]:
                yield {"cell": name}, b""
            yield {"absent": {}}, b""
        case "load":
            honest.count = int((Path(order["folder"]) / "numbers").read_text())  # type: ignore[attr-defined]
            yield {"loaded": True}, b""
        case "run":
            half = pd.DataFrame({"count": [honest.count // 2]})  # type: ignore[attr-defined]
            yield {"result": order["function"], "notes": {}}, tables.packed(half)
            yield COUNTED, b""
        case "clear":
            yield {"cleared": True}, b""


class Fake:
    """Stands for a process that was launched; ``calls`` are what was done to it."""

    pid = 0

    def __init__(self, script: Script, code: int | None = None) -> None:
        self._script, self._code = script, code
        self._orders, self.out = os.pipe()
        self.source, self._answers = os.pipe()
        self.calls: list[str] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError, wire.WireError), contextlib.ExitStack() as ends:
            ends.callback(self._close)  # a script that fails is an arm that has ended
            while True:
                order, _ = wire.receive(self._orders)
                for message, content in self._script(order):
                    if message == {"end": True}:
                        return
                    if message == {"raw": True}:
                        os.write(self._answers, content)
                    else:
                        wire.send(self._answers, message, content)

    def _close(self) -> None:
        os.close(self._answers)

    def freeze(self) -> None:
        self.calls.append("freeze")

    def thaw(self) -> None:
        self.calls.append("thaw")

    def kill(self) -> int | None:
        self.calls.append("kill")
        return self._code


class Launcher:
    """Starts fakes with these scripts in turn, the last one again and again; ``started`` are all of them."""

    def __init__(self, *scripts: Script, code: int | None = None) -> None:
        self._scripts, self._code = list(scripts), code
        self.started: list[Fake] = []
        self.variables: list[Mapping[str, str]] = []

    def __call__(self, command: Sequence[str], variables: Mapping[str, str], folder: Path) -> Fake:
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        self.started.append(Fake(script, self._code))
        self.variables.append(variables)
        return self.started[-1]


def but(**changed: Script) -> Script:
    """The honest arm, but for what it says to these orders."""

    def script(order: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
        yield from changed.get(order["do"], honest)(order)

    return script


def saying(*frames: dict[str, Any], content: bytes = b"") -> Script:
    """Says these frames, the first one with this content, whatever it is told."""

    def script(order: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
        for place, frame in enumerate(frames):
            yield frame, content if place == 0 else b""

    return script


def _absent(order: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
    yield {"absent": dict.fromkeys(order["functions"], "NameError")}, b""


def _run(order: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
    """The naive job that a question is about, which has one job of one task."""
    yield {"result": order["function"], "notes": {}}, tables.packed(pd.DataFrame({"weight": [0.0]}))
    yield COUNTED, b""


def _load(order: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
    yield {"loaded": True}, b""


def _ask(order: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
    yield {"answer": "spill"}, b""


#: An arm that has none of a student's functions, whatever the lab.
NOTHING: Script = but(cells=_absent, load=_load, run=_run, ask=_ask)
