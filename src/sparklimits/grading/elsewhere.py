"""What a graded function borrows from other cells of its notebook: graded, its cell stands alone."""

from __future__ import annotations

import builtins
import linecache
from collections.abc import Callable, Mapping
from typing import Any

from sparklimits.grading import names

#: What IPython puts into every notebook.
_IPYTHON = {"In", "Out", "get_ipython", "exit", "quit", "open"}


def borrowed(functions: Mapping[str, Callable[..., Any]], there: Mapping[str, Any]) -> dict[str, list[str]]:
    """The names that each function's cell takes from other cells; a function whose cell is not known has none.

    Args:
        functions: the graded functions. Their cells run together, so that one may use what another one defines.
        there: the notebook's variables.
    """
    cells = {name: _cell(function) for name, function in functions.items()}
    own = {name for cell in cells.values() for name in names.bound(cell)}
    known = own | set(vars(builtins)) | _IPYTHON
    found = {
        name: sorted(one for one in names.used(cell) - known if one in there and not one.startswith("_"))
        for name, cell in cells.items()
    }
    return {name: taken for name, taken in found.items() if taken}


def told(function: str, taken: list[str]) -> str:
    """A sentence for it."""
    names_ = ", ".join(f"`{one}`" for one in taken)
    return (
        f"{function}: its cell uses {names_} of another cell. Graded, the cell stands alone: define or import that in "
        "the cell itself (the session is the `sparkSession` of any table that the function gets)"
    )


def _cell(function: Callable[..., Any]) -> str:
    """The text of the cell that defined the function, as IPython keeps it for tracebacks."""
    code = getattr(function, "__code__", None)
    return "".join(linecache.getlines(code.co_filename)) if code and "ipykernel" in code.co_filename else ""
