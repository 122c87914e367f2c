"""Where PyTorch is taken from, so that nobody downloads gigabytes in vain.

Standard library only: set-up (tools/prepare.py) asks this module before anything is installed.
"""

from __future__ import annotations

import os
import sys
import threading
import urllib.request
from collections.abc import Callable

CPU_INDEX = "https://download.pytorch.org/whl/cpu/"


def chosen(gpu: bool, say: Callable[[str], None]) -> str | None:
    """The index to take PyTorch from; None means pip's own configuration.

    On Linux, PyPI's PyTorch brings gigabytes of CUDA libraries, so without a GPU PyTorch's CPU index is
    preferred when it answers. macOS has only the small build. SPARKLIMITS_TORCH_INDEX overrides: an address,
    or "default" for pip's own configuration. ``say`` is told when the index does not answer.
    """
    wanted = os.environ.get("SPARKLIMITS_TORCH_INDEX")
    if wanted is not None:
        return None if wanted in ("", "default") else wanted
    if gpu or sys.platform != "linux":
        return None
    if _answers(CPU_INDEX, seconds=4):
        return CPU_INDEX
    say(
        f"      {CPU_INDEX} does not answer, so pip's own index is used. Should it bring gigabytes "
        "of CUDA libraries, interrupt and set SPARKLIMITS_TORCH_INDEX to an index with PyTorch's CPU build."
    )
    return None


def _answers(address: str, seconds: float) -> bool:
    """Whether an address answers in time. In a thread, as no timeout reaches the look-up of a name."""
    found = threading.Event()

    def ask() -> None:
        try:
            with urllib.request.urlopen(address, timeout=seconds):
                found.set()
        except OSError:
            return

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return found.is_set()
