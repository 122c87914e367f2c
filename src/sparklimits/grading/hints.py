"""Which hints a student has opened: the calls of ``lab.hint`` that stand in the notebook are the record."""

from __future__ import annotations

import ast

from nbformat import NotebookNode

from sparklimits.grading.names import calls


def opened(notebook: NotebookNode) -> dict[str, int]:
    """The highest rung that was opened for each function; one without an open hint is left out."""
    found: dict[str, int] = {}
    for cell in notebook.cells:
        if cell.cell_type != "code" or "hint" not in cell.source:
            continue
        for call in calls(cell.source, "lab", "hint"):
            given: dict[str | None, ast.expr] = {"rung": ast.Constant(1)}
            given |= dict(zip(("function", "rung"), call.args, strict=False))
            given |= {keyword.arg: keyword.value for keyword in call.keywords}
            function, rung = (getattr(given.get(name), "value", None) for name in ("function", "rung"))
            if isinstance(function, str) and isinstance(rung, int) and rung > 0:
                found[function] = max(rung, found.get(function, 0))
    return found


def beside(cell: str, rungs: dict[str, int]) -> str:
    """What is shown beside the mark of a graded cell; empty when no hint for its function was opened."""
    rung = rungs.get(cell.removesuffix("_points"), 0)
    return f"hints opened: {', '.join(map(str, range(1, rung + 1)))}" if rung else ""


def sentences(rungs: dict[str, int]) -> list[str]:
    """The same for a whole notebook: a sentence for each function."""
    return [
        f"{function}: {beside(function, {function: rung})}. Nothing is deducted for them."
        for function, rung in rungs.items()
    ]
