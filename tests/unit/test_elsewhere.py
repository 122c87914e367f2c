"""What a function takes from other cells of its notebook is found before it is measured."""

from __future__ import annotations

import linecache
from typing import Any

import pytest

from sparklimits.grading.elsewhere import borrowed, told


def run(there: dict[str, Any], *cells: str) -> None:
    """Runs cells as a kernel does, which keeps their text for tracebacks."""
    for number, source in enumerate(cells):
        name = f"/tmp/ipykernel_9/{hash(source)}-{number}.py"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        exec(compile(source, name, "exec"), there)


@pytest.mark.parametrize(
    ("cells", "taken"),
    [
        (["lab = 1", "def f(t):\n    return lab"], ["lab"]),
        (
            ["import math\ndef helper(x): return x", "def f(t):\n    return helper(math.pi)"],
            ["helper", "math"],
        ),
        (["import math", "import math\nLENGTH = 3\ndef f(t):\n    return math.pi * LENGTH"], []),
        (["g = 1", "def g(t):\n    return 1", "def f(t):\n    return g(t)"], []),
        (["def f(t, lab=None):\n    return [one for one in t if one] or nowhere"], []),
        (["x = 1", "def f(t):\n    x = 2\n    return len(t) + x + _"], []),
    ],
    ids=["the lab", "a helper and an import", "whole", "another graded function", "nowhere", "its own"],
)
def test_only_what_another_cell_made_is_borrowed(cells: list[str], taken: list[str]) -> None:
    there: dict[str, Any] = {"In": [], "_": 1}
    run(there, *cells)
    functions = {name: there[name] for name in ("f", "g") if callable(there.get(name))}
    assert borrowed(functions, there).get("f", []) == taken


def test_a_function_of_no_cell_borrows_nothing() -> None:
    there: dict[str, Any] = {"lab": 1}
    exec("def f(t):\n    return lab", there)
    assert borrowed({"f": there["f"], "g": len}, there) == {}


def test_the_sentence_says_what_and_where() -> None:
    assert told("item_pairs", ["lab", "np"]).startswith(
        "item_pairs: its cell uses `lab`, `np` of another cell. Graded, the cell stands alone: define or import that"
    )
