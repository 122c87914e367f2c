"""Stands in for pip while a notebook is graded: a submission never changes the environment that grades the next one."""

from __future__ import annotations

import sys


def main(arguments: list[str] | None = None) -> int:
    """Says that it does nothing. Succeeds, so that a cell which goes on with what is there already goes on."""
    command = " ".join(["pip", *(sys.argv[1:] if arguments is None else arguments)])
    print(f"`{command}` was not run: while a notebook is graded nothing is installed or removed.", flush=True)
    return 0
