"""What some tests need and some machines lack: they skip by name there."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any

import pytest


def torch(*, whole_module: bool = False) -> Any:
    """PyTorch; without it the test skips, or the module that calls this while it is imported.

    Its build for CPUs is a pin of the course, and cannot be had everywhere for Python 3.12 and later. With 3.11, which
    the course is made for, a missing one is a failure.
    """
    if sys.version_info >= (3, 12) and not importlib.util.find_spec("torch"):
        pytest.skip("no torch for this version of Python", allow_module_level=whole_module)
    return importlib.import_module("torch")
