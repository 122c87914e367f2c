"""Which names a cell binds and uses: read as the kernel would read it, magics and all, and never run."""

from __future__ import annotations

import ast
import re
import symtable
from functools import cache

from IPython.core.inputtransformer2 import TransformerManager

from sparklimits.grading.matching import defined


@cache
def _tree(source: str) -> ast.Module | None:
    """The cell as Python; None where it is none."""
    try:
        return ast.parse(_python(source))
    except (SyntaxError, ValueError, RecursionError):
        return None


def _python(source: str) -> str:
    """The cell as IPython makes Python of it; of ``%%time`` and its like, what they run in the same kernel."""
    first, _, rest = source.lstrip().partition("\n")
    own = rest if re.match(r"%%(time|timeit|capture|prun)\b", first) else source
    return TransformerManager().transform_cell(own)


def bound(source: str) -> dict[str, str]:
    """The names that stand for something after the cell has run; for one that is imported, what it stands for."""
    tree = _tree(source)
    if tree is None:
        return dict.fromkeys(defined(source), "")
    found: dict[str, str] = {}
    for statement in tree.body:
        _collect(statement, found)
    return found


def _collect(node: ast.AST, found: dict[str, str]) -> None:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        found[node.name] = ""
        return  # what it binds inside is its own
    if isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return
    if isinstance(node, ast.Import):
        for alias in node.names:
            found[alias.asname or alias.name.split(".")[0]] = f"import {alias.name}"
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            found[alias.asname or alias.name] = f"import {node.module}.{alias.name}"
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        found[node.id] = ""
    for child in ast.iter_child_nodes(node):
        _collect(child, found)


@cache
def used(source: str) -> frozenset[str]:
    """The names that the cell looks up outside of itself, those inside of its functions included."""
    try:
        top = symtable.symtable(_python(source), "cell", "exec")
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()  # it ends with an error, whatever is there
    return frozenset(_looked_up(top))


def _looked_up(table: symtable.SymbolTable) -> set[str]:
    at_top = table.get_type() == "module"
    found = {
        one.get_name() for one in table.get_symbols() if one.is_referenced() and (at_top or one.is_global())
    }
    return found.union(*map(_looked_up, table.get_children()))


def calls(source: str, owner: str, method: str) -> list[ast.Call]:
    """The calls of this method in the cell, of the object of this name."""
    tree = _tree(source)
    return [
        node
        for node in (ast.walk(tree) if tree else ())
        if isinstance(node, ast.Call) and ast.unparse(node.func) == f"{owner}.{method}"
    ]


def only_imports(source: str) -> bool:
    """Whether the cell imports something and does nothing else."""
    tree = _tree(source)
    body = tree.body if tree else []
    return bool(body) and all(isinstance(one, ast.Import | ast.ImportFrom) for one in body)
