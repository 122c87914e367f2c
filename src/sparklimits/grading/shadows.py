"""Names with two meanings in one notebook: cells that run out of order would give an answer the wrong one.

A student runs a cell again after one further down. What an answer uses must then still be what it was. So a name that
an answer uses may be bound once only, or by the same import again.
"""

from __future__ import annotations

import ast
import builtins
from collections import defaultdict
from collections.abc import Iterator, Mapping

from nbformat import NotebookNode

from sparklimits.grading.marks import name_of


def shadowed(notebook: NotebookNode, functions: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Each name with two meanings that an answer uses, or that is one of the lab's ``functions``: (cell, name).

    The cell is the one that gives it another meaning than an answer's.
    """
    bound: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    used: set[str] = set(functions)
    answers = set()
    for place, cell in enumerate(notebook.cells):
        tree = _parsed(cell)
        if tree is None:
            continue
        label = name_of(cell) or f"number {place + 1}"
        for name, meaning in bindings(tree).items():
            bound[name][meaning or f"cell {place}"].append(label)
        if cell.metadata.get("nbgrader", {}).get("solution"):
            answers.add(label)
            used |= globals_of(tree)
    for name in sorted(used):
        if len(bound[name]) > 1:
            labels = [label for group in bound[name].values() for label in group]
            yield next((label for label in reversed(labels) if label not in answers), labels[-1]), name


def _parsed(cell: NotebookNode) -> ast.Module | None:
    if cell.cell_type != "code":
        return None
    try:
        return ast.parse(cell.source)
    except SyntaxError:  # a magic of IPython, or what lint says elsewhere
        return None


def bindings(tree: ast.Module) -> Mapping[str, str]:
    """The names that a cell binds at its top level; for one that is imported, what it stands for."""
    found: dict[str, str] = {}
    for node in _top_level(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.split(".")[0]] = f"import {alias.name}"
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                found[alias.asname or alias.name] = f"import {node.module}.{alias.name}"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[node.name] = ""
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = ""
    return found


def globals_of(tree: ast.Module) -> set[str]:
    """The names that a cell looks up outside of itself's functions: whatever it reads and no function of it binds.

    What the cell itself binds at its top level counts too, as another cell can bind it again.
    """
    found = set(bindings(tree))
    for node in _top_level(tree):
        if isinstance(node, _OWN_NAMES):
            found |= _free(node)
        elif isinstance(node, ast.Name):
            found.add(node.id)
    return found - set(dir(builtins))


def _top_level(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those within functions, classes and comprehensions, whose names are their own."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if not isinstance(node, _OWN_NAMES):
            yield from _top_level(node)


_OWN_NAMES = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp,
    ast.GeneratorExp,
)  # fmt: skip


def _free(function: ast.AST) -> set[str]:
    """The names that a function reads and does not bind, those of the functions in it included."""
    read: set[str] = set()
    own: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else own).add(node.id)
        elif isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node is not function:
            own.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            own |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return read - own
