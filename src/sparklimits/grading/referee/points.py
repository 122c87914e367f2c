"""Graded cells, run where nothing of the student is: their own source, and the referee's result in the kernel's place.

A graded cell belongs to the release (with its hidden tests, to the instructor's copy). It says itself what it wants:
shares of a result, a function's answers, or values that the student wrote down.
"""

from __future__ import annotations

import ast
import contextlib
import io
from collections.abc import Iterable
from typing import Any

from nbformat import NotebookNode

from sparklimits.grading import names
from sparklimits.grading.matching import is_solution
from sparklimits.measurement.bars import points


def run(source: str, namespace: dict[str, Any]) -> tuple[str, Any]:
    """Runs a cell in this namespace: what it printed, and the value of its last line (None when that has none).

    Raises:
        Exception: whatever the cell raises.
    """
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "<graded cell>", "exec"), namespace)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "<graded cell>", "eval"), namespace)
    return printed.getvalue(), value


def imports_for(source: str, notebook: NotebookNode, answers: bool = False) -> list[str]:
    """The imports of a notebook's cells that bind what this cell uses, a statement each.

    The cells in which a student writes count only with ``answers``.
    """
    wanted = names.used(source)
    found = []
    for cell in notebook.cells:
        if cell.cell_type != "code" or (is_solution(cell) and not answers):
            continue
        for node in _statements(cell.source):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for alias in node.names:
                    if (alias.asname or alias.name.split(".")[0]) in wanted:
                        alone = (
                            ast.Import([alias])
                            if isinstance(node, ast.Import)
                            else ast.ImportFrom(node.module, [alias], node.level)
                        )
                        found.append(ast.unparse(alone))
    return found


def imported(statements: Iterable[str]) -> dict[str, Any]:
    """The names that these imports bind; ``points`` is the course's own, whatever the notebook takes it from."""
    namespace: dict[str, Any] = {}
    for statement in statements:
        exec(statement, namespace)
    namespace["points"] = points
    return namespace


def value_of(text: str) -> Any:
    """The plain value that a kernel shows as this text; None when it is none.

    A number of NumPy is the number: its text is ``np.float64(2.0)``.
    """
    try:
        tree: ast.AST = ast.parse(text.strip()[:10_000], mode="eval").body
        if isinstance(tree, ast.Call) and ast.unparse(tree.func).startswith("np.") and len(tree.args) == 1:
            tree = tree.args[0]
        return ast.literal_eval(tree)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _statements(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except SyntaxError:
        return []
