"""Which names a cell binds and uses: read as the kernel would read it, magics and all, and never run."""

from __future__ import annotations

import ast
import contextlib
import re
import symtable
from functools import cache

from IPython.core.inputtransformer2 import TransformerManager

from sparklimits.grading.matching import defined

#: What a parser raises of a text that is no Python, or that is nested too deeply for it.
_NO_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError, RuntimeError)
#: Lines with what IPython makes Python of, as far as a pattern tells; how many of them, and characters, a cell with
#: them may have.
_MAGIC = re.compile(r"^[ \t]*[%!?,;/]|\?[ \t]*$|=[ \t]*[%!]", re.MULTILINE)
_MAGICS, _CHARACTERS = 100, 50_000


@cache
def _tree(source: str) -> ast.Module | None:
    """The cell as Python; None where it is none, or where it would take too long to find out."""
    with contextlib.suppress(*_NO_PYTHON):
        return ast.parse(source)
    try:
        return ast.parse(_python(source))
    except _NO_PYTHON:
        return None


def _python(source: str) -> str:
    """The cell as IPython makes Python of it; of ``%%time`` and its like, what they run in the same kernel."""
    first, _, rest = source.lstrip().partition("\n")
    own = rest if re.match(r"%%(time|timeit|capture|prun)\b", first) else source
    if (
        len(own) > _CHARACTERS or len(_MAGIC.findall(own)) > _MAGICS
    ):  # IPython reads the whole cell once more for each
        raise ValueError("too many magics")
    return TransformerManager().transform_cell(own)


def _is_python(source: str) -> bool:
    try:
        ast.parse(source)
    except _NO_PYTHON:
        return False
    return True


def bound(source: str) -> dict[str, str]:
    """The names that stand for something after the cell has run; for one that is imported, what it stands for."""
    tree = _tree(source)
    found: dict[str, str] = {}
    try:
        for statement in tree.body if tree else ():
            _collect(statement, found)
    except RecursionError:
        tree = None
    return dict.fromkeys(defined(source), "") if tree is None else found


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
        top = symtable.symtable(source if _is_python(source) else _python(source), "cell", "exec")
    except _NO_PYTHON:
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
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == method
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == owner
    ]


def only_imports(source: str) -> bool:
    """Whether the cell imports something and does nothing else."""
    tree = _tree(source)
    body = tree.body if tree else []
    return bool(body) and all(isinstance(one, ast.Import | ast.ImportFrom) for one in body)
