"""Runs cells as a notebook's kernel would, in this process: ``%%time``, ``!ls`` and ``?`` are no Python, and fine."""

from __future__ import annotations

import contextlib
import os
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from sparklimits.grading.kernel import CHANGES, load_ipython_extension, refuse_input


def run_cells(
    cells: Mapping[str, str], folder: Path, before: Callable[[str], None] = lambda name: None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Runs these cells in turn, by their names, and returns the names that they made, and each error in one line.

    ``before`` is called with the name of the cell that comes.

    They run in the notebook's folder, and may import what lies beside it. What they print goes to standard error. Their
    functions belong to ``__main__``: Spark ships those to the executors by value, and would import others there.
    """
    module = types.ModuleType("__main__")
    errors: dict[str, str] = {}
    with _as_it_was(), contextlib.chdir(folder), contextlib.redirect_stdout(sys.stderr):
        sys.path.append(str(folder))
        shell = InteractiveShell(
            user_module=module,
            user_ns=vars(module),
            config=Config({"HistoryManager": {"enabled": False}}),
        )
        load_ipython_extension(shell)
        _quiet(shell)
        module.input = refuse_input  # type: ignore[attr-defined]
        for name, source in cells.items():
            before(name)
            done = shell.run_cell(source, store_history=False)
            if error := done.error_before_exec or done.error_in_exec:
                errors[name] = f"{type(error).__name__}: {error}".splitlines()[0]
    return vars(module), errors


def _quiet(shell: Any) -> None:
    """What a program prints comes through this process too; what goes wrong is told by the caller."""
    shell.system = shell.system_piped
    shell.enable_gui = lambda *_, **__: None
    shell.showtraceback = shell.showsyntaxerror = lambda *_, **__: None


@contextlib.contextmanager
def _as_it_was() -> Iterator[None]:
    """Takes back what a shell changes in this process."""
    main, hooks = sys.modules["__main__"], (sys.displayhook, sys.excepthook)
    paths, variables = list(sys.path), {name: os.environ.get(name) for name in CHANGES}
    try:
        yield
    finally:
        InteractiveShell.clear_instance()
        sys.modules["__main__"] = main
        sys.displayhook, sys.excepthook = hooks
        sys.path[:] = paths
        for name, value in variables.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
