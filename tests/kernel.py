"""A real Jupyter kernel, as JupyterLab starts one: cells run in it, are interrupted, and say what they showed."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from jupyter_client.manager import KernelManager


def bound(seconds: float) -> float:
    """So many seconds of a machine that has nothing else to do."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@dataclass
class Ran:
    """What a cell showed in the end, and how many ``seconds`` it took: from the interrupt on, where there was one."""

    texts: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def screen(self) -> str:
        """All that is seen without a click."""
        return "\n".join(one for one in self.texts if not one.startswith("<details>"))


class Kernel:
    """A kernel in a process of its own, with these variables besides."""

    def __init__(self, **variables: str) -> None:
        self._manager = KernelManager(kernel_name="python3")
        self._manager.start_kernel(env={**os.environ, **variables})
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=bound(60))
        self.process = psutil.Process(self._manager.provisioner.pid)  # type: ignore[union-attr]

    def run(self, code: str, interrupt: str = "", presses: int = 1) -> Ran:
        """Runs a cell to its end; interrupts it, so many times, as soon as the file that is named exists."""
        number = self._client.execute(code)
        ran, began, interrupted = Ran(), time.monotonic(), False
        lines: dict[str, int] = {}  # where a text is that is written over
        while True:
            if interrupt and not interrupted and Path(interrupt).exists():
                began, interrupted = time.monotonic(), True
                for press in range(presses):
                    time.sleep(0.3 * bool(press))
                    self._manager.interrupt_kernel()
            assert time.monotonic() - began < bound(240), f"{code!r} has not ended: {ran}"
            try:
                message = self._client.get_iopub_msg(timeout=0.1)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") != number:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                ran.seconds = time.monotonic() - began
                return ran
            line = content.get("transient", {}).get("display_id")
            if kind == "update_display_data" and line in lines:
                ran.texts[lines[line]] = _shown(kind, content)[0]
                continue
            if line:
                lines[line] = len(ran.texts)
            ran.texts += _shown(kind, content)
            if kind == "error":
                ran.errors.append(content["evalue"])

    def below(self, word: str = "") -> list[psutil.Process]:
        """The processes that stand below the kernel's and have this word on their command line."""
        return list(_with(word, self.process.children(recursive=True)))

    def end(self) -> None:
        """Ends it as JupyterLab does, and waits."""
        self._client.stop_channels()
        self._manager.shutdown_kernel()


def _shown(kind: str, content: dict) -> list[str]:  # type: ignore[type-arg]
    if kind == "stream":
        return [content["text"]]
    if kind == "error":
        return ["\n".join(content["traceback"])]
    if "data" in content:
        return [content["data"].get("text/html") or content["data"].get("text/plain", "")]
    return []


def _with(word: str, processes: list[psutil.Process]) -> Iterator[psutil.Process]:
    for one in processes:
        try:
            if word in " ".join(one.cmdline()):
                yield one
        except psutil.Error:
            continue
