"""Names with two meanings in one notebook: cells that run out of order would give an answer the wrong one.

A student runs a cell again after one further down. What an answer uses must then still be what it was. So a name that
an answer uses may be bound once only, or by the same import again.
"""

from __future__ import annotations

import builtins
from collections import defaultdict
from collections.abc import Iterator

from nbformat import NotebookNode

from sparklimits.grading import names
from sparklimits.grading.marks import name_of


def shadowed(notebook: NotebookNode, functions: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Each name with two meanings that an answer uses, or that is one of the lab's ``functions``: (cell, name).

    The cell is the one that gives it another meaning than an answer's.
    """
    bound: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    used: set[str] = set(functions)
    answers = set()
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        label = name_of(cell) or f"number {place + 1}"
        here = names.bound(cell.source)
        for name, meaning in here.items():
            bound[name][meaning or f"cell {place}"].append(label)
        if cell.metadata.get("nbgrader", {}).get("solution"):
            answers.add(label)
            # What the cell itself binds counts too, as another cell can bind it again.
            used |= here.keys() | names.used(cell.source)
    for name in sorted(used - set(dir(builtins))):
        if len(bound[name]) > 1:
            labels = [label for group in bound[name].values() for label in group]
            yield next((label for label in reversed(labels) if label not in answers), labels[-1]), name
