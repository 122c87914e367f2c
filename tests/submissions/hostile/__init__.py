"""Whole notebooks of lab 0 that try to earn what they did not do: one attack each, in a file named by what it shows.

Each is the untouched notebook with these ``CELLS`` in the place of its own. ``OPENING`` comes after the lab is opened.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from nbformat import NotebookNode

from sparklimits import labs
from tests.submissions import shortened, with_cells

LAB = "lab0_measuring"
_HERE = Path(__file__).parent
#: All attacks, by name. Those with functions of their own are measured; the others leave the functions untouched.
NAMES = sorted(path.stem for path in _HERE.glob("*.py") if path.stem != "__init__")


def cells_of(name: str) -> dict[str, str]:
    """The cells that an attack changes."""
    return dict(getattr(import_module(f"{__name__}.{name}"), "CELLS", {}))


def notebook(name: str) -> NotebookNode:
    """The notebook of an attack."""
    found = shortened(with_cells(LAB, cells_of(name)))
    opening = getattr(import_module(f"{__name__}.{name}"), "OPENING", "")
    start = next(cell for cell in found.cells if "open_lab(" in cell.source)
    start.source += f"\n{opening}"
    return found


#: Those with functions of their own, and the others.
IN_A_FUNCTION = [name for name in NAMES if cells_of(name).keys() & set(labs.find(LAB).names)]
IN_THE_KERNEL = [name for name in NAMES if name not in IN_A_FUNCTION]
