"""Whole notebooks that try to earn what they did not do, or to do harm: one attack each.

A folder for each kind, and in it a file for each attack, whose docstring says what it tries. It holds some of these:

- ``CELLS``: answers in the place of the release's. Functions that are not among them are not there at all;
- ``OPENING``: lines that follow the cell that opens the lab;
- ``change(notebook)``: changes the notebook itself;
- ``place(file, course)``: changes the file that was written, or the folder around it;
- ``STOCK``: why it is not run under stock nbgrader.

An attack knows where everything lies: ``@COURSE@`` in its text becomes the course's folder, ``@HOME@`` the grader's
home in it, ``@PORT@`` the port of a server that has answers, ``@WORD@`` a word by which its processes are found. Where
it could leave something outside of these, that is a file of the name ``left_by_a_notebook`` with nothing in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType

import nbformat
from nbformat import NotebookNode

from sparklimits import labs
from tests.submissions import shortened, with_cells

LAB = "lab0_measuring"
KINDS = ("kernel", "measurement", "machine", "file")
_HERE = Path(__file__).parent
_NONE = "{name} = None  # nothing was done here"


@dataclass(frozen=True)
class Surroundings:
    """What an attack knows of where it is graded: see above."""

    course: Path
    port: int = 9
    word: str = "left-running-by-a-notebook"

    @property
    def home(self) -> Path:
        """The grader's home."""
        return self.course / "home"

    def told(self, text: str) -> str:
        """The text of an attack that knows all this."""
        known = {"COURSE": self.course, "HOME": self.home, "PORT": self.port, "WORD": self.word}
        for name, value in known.items():
            text = text.replace(f"@{name}@", str(value))
        return text


NOWHERE = Surroundings(Path("/nowhere/course"))


@dataclass(frozen=True)
class Attack:
    """One attack, by its kind and its name."""

    kind: str
    name: str

    @cached_property
    def module(self) -> ModuleType:
        """Its file."""
        return import_module(f"{__name__}.{self.kind}.{self.name}")

    @property
    def says(self) -> str:
        """What it tries, in its own words."""
        return " ".join((self.module.__doc__ or "").split())

    @property
    def has_functions(self) -> bool:
        """Whether functions of its own are measured."""
        return bool(set(getattr(self.module, "CELLS", {})) & set(labs.find(LAB).names))

    @property
    def changes_the_file(self) -> bool:
        """Whether it is in the file, whatever becomes of its cells."""
        return hasattr(self.module, "change") or hasattr(self.module, "place")

    def notebook(self, there: Surroundings = NOWHERE) -> NotebookNode:
        """Its notebook: without a line of work, but for what the attack needs."""
        cells = {name: _NONE.format(name=name) for name in labs.find(LAB).names}
        if self.has_functions:
            cells = {}
        cells |= getattr(self.module, "CELLS", {})
        found = shortened(with_cells(LAB, {name: there.told(text) for name, text in cells.items()}))
        start = next(cell for cell in found.cells if "open_lab(" in cell.source)
        start.source += f"\n{there.told(getattr(self.module, 'OPENING', ''))}"
        if change := getattr(self.module, "change", None):
            change(found)
        return found

    def write(self, file: Path, there: Surroundings = NOWHERE) -> None:
        """Writes it where a student hands it in, with what lies around it."""
        file.parent.mkdir(parents=True, exist_ok=True)
        text = nbformat.writes(self.notebook(there), version=nbformat.NO_CONVERT)
        file.write_text(text, encoding="utf-8")
        if place := getattr(self.module, "place", None):
            place(file, there.course)


#: All attacks.
ATTACKS = [
    Attack(kind, path.stem)
    for kind in KINDS
    for path in sorted((_HERE / kind).glob("*.py"))
    if path.stem != "__init__"
]
#: Those whose functions are measured, and the others.
IN_A_FUNCTION = [one for one in ATTACKS if one.has_functions]
IN_THE_KERNEL = [one for one in ATTACKS if one not in IN_A_FUNCTION and one.kind != "file"]
IN_THE_FILE = [one for one in ATTACKS if one.kind == "file"]


def named(name: str) -> Attack:
    """The attack of this name.

    Raises:
        KeyError: there is none.
    """
    return {one.name: one for one in ATTACKS}[name]
