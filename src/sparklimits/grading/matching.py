"""Which cell of a student's notebook is which cell of the release: by name, id, text, what it defines, and place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from nbformat import NotebookNode
from rapidfuzz import fuzz

from sparklimits.grading.marks import name_of

#: The share of a text that must be the same for a cell to be an edited copy of another one.
ALIKE = 0.6
#: Characters of a cell that are compared, so that no cell can take long.
_READ = 4_000
_FUNCTION = re.compile(r"^(?:async\s+)?def\s+(\w+)", re.MULTILINE)
_VALUE = re.compile(r"^(\w+)\s*(?::[^=\n]+)?=(?!=)", re.MULTILINE)


@dataclass
class Matches:
    """``cells``: for the number of a released cell, that of the student's.

    ``doubles``: for a released cell, the other cells of the student that bear its name.
    """

    cells: dict[int, int] = field(default_factory=dict)
    doubles: dict[int, list[int]] = field(default_factory=dict)

    def taken(self) -> set[int]:
        """The student's cells that have a place."""
        return set(self.cells.values())


def is_solution(cell: NotebookNode) -> bool:
    """Whether a student writes in this released cell."""
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def plain(source: str) -> str:
    """A text without what editors change: spaces at the ends of lines, empty lines around."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def defined(source: str) -> set[str]:
    """The names that a cell defines on its top level, as far as lines tell: it need not be Python."""
    return {*_FUNCTION.findall(source), *_VALUE.findall(source)}


def functions(source: str) -> set[str]:
    """The functions that a cell defines on its top level."""
    return set(_FUNCTION.findall(source))


def match(student: Sequence[NotebookNode], release: Sequence[NotebookNode]) -> Matches:
    """Finds the cells of the release in the student's notebook; each cell serves once."""
    found = Matches()
    wanted = {r: defined(cell.source) for r, cell in enumerate(release) if is_solution(cell)}
    owner = {name: r for r, names in wanted.items() for name in names}

    def fits(r: int, s: int) -> bool:
        """False for a cell that bears a name and holds the answer of another one."""
        others = {owner[name] for name in functions(student[s].source) if name in owner}
        return not others or r in others

    def free(s: int) -> bool:
        return s not in found.taken()

    def take(pairs: Iterable[tuple[int, int]]) -> None:
        for r, s in pairs:
            if r not in found.cells and free(s) and fits(r, s):
                found.cells[r] = s

    _by_name(student, release, found, fits)
    ids = {cell.id: s for s, cell in enumerate(student)}
    by_id = [(r, ids[cell.id]) for r, cell in enumerate(release) if cell.id in ids]
    by_id = [(r, s) for r, s in by_id if _same_kind(release[r], student[s])]
    take((r, s) for r, s in by_id if not wanted.get(r))
    take((r, s) for r, cell in enumerate(release) if not wanted.get(r) for s in _same(cell, student))
    # The last definition is the one that holds in a kernel; a copy of the release holds nothing of the student's.
    for r, defines in wanted.items():
        copies = _same(release[r], student)
        makers = [s for s, other in enumerate(student) if defines & defined(other.source)]
        take((r, s) for s in [*reversed([s for s in makers if s not in copies]), *copies])
    take(by_id)
    take(_alike(student, release, found))
    _by_place(student, release, found)
    for r, cell in enumerate(release):
        if r in found.cells and name_of(cell):
            doubles = found.doubles.setdefault(r, [])
            doubles += [s for s in _same(cell, student) if free(s) and s not in doubles]
    return found


def _same(released: NotebookNode, student: Sequence[NotebookNode]) -> list[int]:
    """The student's cells with the text of a released one."""
    text = plain(released.source)
    return [s for s, other in enumerate(student) if text and plain(other.source) == text]


def _same_kind(released: NotebookNode, cell: NotebookNode) -> bool:
    """An id alone says little: tools number cells anew. The text must have something in common, or be an answer."""
    return is_solution(released) or likeness(released.source, cell.source) > ALIKE / 2


def likeness(one: str, other: str) -> float:
    """How much of the beginnings of two texts is the same, 0.0 … 1.0."""
    return fuzz.ratio(plain(one)[:_READ], plain(other)[:_READ]) / 100


def _by_name(
    student: Sequence[NotebookNode],
    release: Sequence[NotebookNode],
    found: Matches,
    fits: Callable[[int, int], bool],
) -> None:
    for r, cell in enumerate(release):
        bearing = [s for s, other in enumerate(student) if name_of(cell) and name_of(other) == name_of(cell)]
        right = [s for s in bearing if fits(r, s)]
        if not right:
            continue
        changed = [s for s in right if plain(student[s].source) != plain(cell.source)]
        if is_solution(cell):
            names = functions(cell.source)
            whole = [s for s in changed if names and names <= functions(student[s].source)]
            found.cells[r] = (whole or changed or right)[-1]
        else:
            found.cells[r] = right[0]
        found.doubles[r] = [s for s in right if s != found.cells[r]]


def _alike(
    student: Sequence[NotebookNode], release: Sequence[NotebookNode], found: Matches
) -> list[tuple[int, int]]:
    taken = found.taken()
    pairs = [
        (likeness(cell.source, other.source), r, s)
        for r, cell in enumerate(release)
        if r not in found.cells and plain(cell.source)
        for s, other in enumerate(student)
        if s not in taken and plain(other.source)
    ]
    return [
        (r, s) for share, r, s in sorted(pairs, key=lambda one: (-one[0], one[1], one[2])) if share >= ALIKE
    ]


def _by_place(student: Sequence[NotebookNode], release: Sequence[NotebookNode], found: Matches) -> None:
    """A written answer has nothing in common with the release: it is the text between its neighbours."""
    for r, cell in enumerate(release):
        if r in found.cells or not is_solution(cell) or cell.cell_type == "code":
            continue
        texts = [s for s in between(r, found, len(student)) if s not in found.taken()]
        texts = [s for s in texts if student[s].cell_type != "code" and not name_of(student[s])]
        if texts:
            found.cells[r], *found.doubles[r] = texts


def between(r: int, found: Matches, count: int) -> range:
    """The student's cells between the neighbours of a released cell, as far as those were found."""
    before = max((s for other, s in found.cells.items() if other < r), default=-1)
    after = min((s for other, s in found.cells.items() if other > r and s > before), default=count)
    return range(before + 1, after)
