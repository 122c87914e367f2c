"""Makes of whatever a student hands in a notebook that can be graded, by comparison with the release.

What belongs to the release is as in the release: locked cells, nbgrader's metadata, points, types, kernel. What the
student wrote is kept. ``sparklimits check``, ``sparklimits run --solution`` and ``nbgrader autograde`` all go through
:func:`recover`, so that they agree.
"""

from __future__ import annotations

import bisect
import copy
import re
from collections.abc import Iterable
from pathlib import Path

import nbformat
import nbformat.v4
from nbformat import NotebookNode

from sparklimits import __version__
from sparklimits.errors import SubmissionError
from sparklimits.grading import names
from sparklimits.grading.marks import name_of
from sparklimits.grading.matching import Matches, defined, functions, is_solution, match, plain
from sparklimits.machine import messages
from sparklimits.machine.paths import project_root

_OPENS = re.compile(r"open_lab\(\s*[\"'](\w+)[\"']")
_INSTALLS = re.compile(
    r"^[ \t]*[!%]{1,2}[ \t]*(?:\S+[ \t]+-m[ \t]+)?(?:pip3?|conda|mamba|micromamba|uv|poetry|pipx|apt(?:-get)?)\b"
    r".*\b(?:install|uninstall|remove|add|sync|update|upgrade)\b",
    re.MULTILINE,
)

#: What of nbgrader's metadata a student must not change.
_TELLING = ("points", "grade", "solution", "locked")


def release_path(lab_id: str) -> Path:
    """Where the released notebook of a lab lies."""
    return project_root() / "labs" / lab_id / f"{lab_id}.ipynb"


def release_of(lab_id: str) -> NotebookNode:
    """The released notebook of a lab.

    Raises:
        SubmissionError: it is not there, or broken.
    """
    path = release_path(lab_id)
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat raises a different error for each way of being broken
        raise SubmissionError(
            f"The released notebook {path} cannot be read ({type(error).__name__}), and submissions are compared with "
            f"it. Make it with `nbgrader generate_assignment {lab_id} --force`."
        ) from error


def check_version(notebook: NotebookNode, name: str) -> None:
    """Refuses a notebook that was made for another major version of this package. One that names none passes.

    Raises:
        SubmissionError: naming the notebook and both versions.
    """
    made_for = _version(notebook)
    if made_for and made_for.split(".")[0] != __version__.split(".")[0]:
        raise SubmissionError(messages.tell("other_release", name=name, theirs=made_for, ours=__version__))


def opens(notebook: NotebookNode) -> str:
    """The lab that a notebook opens; empty when it opens none."""
    calls = (_OPENS.search(cell.source) for cell in notebook.cells if cell.cell_type == "code")
    return next((call[1] for call in calls if call), "")


def recover(notebook: NotebookNode, release: NotebookNode, name: str) -> tuple[NotebookNode, list[str]]:
    """The notebook as it can be graded, and what was done to it, a sentence each.

    Args:
        notebook: what was handed in, as :func:`sparklimits.grading.reading.read_submission` gives it.
        release: the lab's released notebook.
        name: of the file, for messages.

    Raises:
        SubmissionError: another version, another lab, or nothing of the lab's notebook is in it.
    """
    check_version(notebook, name)
    if (other := opens(notebook)) and other != opens(release):
        raise SubmissionError(messages.tell("other_lab", name=name, other=other, wanted=opens(release)))
    found = match(notebook.cells, release.cells)
    own = [r for r, cell in enumerate(release.cells) if name_of(cell)]
    there = [r for r in own if r in found.cells]
    if not _version(notebook) and 2 * len(there) < len(own):
        raise SubmissionError(
            messages.tell("not_the_labs", name=name, lab=opens(release), all=len(own), there=len(there))
        )
    return _Repair(notebook, release, found).notebook()


class _Repair:
    """One notebook, put together from the student's cells and the release's."""

    def __init__(self, notebook: NotebookNode, release: NotebookNode, found: Matches) -> None:
        self._student, self._release, self._found = notebook, release, found
        self._sources = {r: notebook.cells[s].source for r, s in found.cells.items()}
        self._gone: set[int] = set()
        self._added: set[int] = set()
        self._told: dict[str, list[str]] = {}
        self._said: list[str] = []

    def notebook(self) -> tuple[NotebookNode, list[str]]:
        for r, cell in enumerate(self._release.cells):
            if name_of(cell) and r in self._found.cells:
                self._settle_doubles(r)
                self._join_parts(r)
        cells = self._in_order()
        self._put_back(cells)
        self._put_back_needed(cells)
        _give_ids(cells)
        whole = copy.deepcopy(self._release)
        whole.cells = [cell for _, cell in cells]
        return whole, [*self._about_the_notebook(), *self._sentences(), *self._said]

    def _settle_doubles(self, r: int) -> None:
        """Of several cells with one name, copies of the release go; other attempts stay as cells of the student's."""
        original, cells = self._release.cells[r], self._student.cells
        for s in self._found.doubles.get(r, ()):
            if not is_solution(original) or plain(cells[s].source) == plain(original.source):
                self._gone.add(s)
            if name_of(cells[s]) or s in self._gone:
                self._tell("there more than once: the last answer counts", r)

    def _join_parts(self, r: int) -> None:
        """An answer that was split: the parts beside its cell, as long as they lack what the cell should define."""
        original, cells, s = self._release.cells[r], self._student.cells, self._found.cells[r]
        if not is_solution(original):
            return
        wanted = functions(original.source)
        first = last = s
        text = original.cell_type != "code"
        doubles = set(self._found.doubles.get(r, ()))

        def part(other: int) -> bool:
            if not 0 <= other < len(cells) or other in self._found.taken() or other in self._gone:
                return False
            if text:
                return cells[other].cell_type != "code"
            return cells[other].cell_type == "code" and not cells[other].source.lstrip().startswith("%%")

        def source() -> str:
            return ("\n\n" if text else "\n").join(cells[one].source for one in range(first, last + 1))

        while part(last + 1) and (
            text
            or not wanted <= defined(source())
            or (last + 1 in doubles and not wanted & functions(cells[last + 1].source))
            or cells[last + 1].source[:1].isspace()
        ):
            last += 1
        if not text and last > s and not wanted <= defined(source()):
            last = s  # what follows does not complete it
        while part(first - 1) and (
            text
            or (first - 1 in doubles and not wanted & functions(cells[first - 1].source))
            or names.only_imports(cells[first - 1].source)
        ):
            first -= 1
        if first < last:
            self._sources[r] = source()
            self._gone.update(set(range(first, last + 1)) - {s})
            self._told.pop("there more than once: the last answer counts", None)
            self._tell("split: joined again", r)

    def _in_order(self) -> list[tuple[int, NotebookNode]]:
        """The cells in the student's order, those of the release in the release's, each with its number there or -1."""
        place = {s: r for r, s in self._found.cells.items()}
        order = [s for s in range(len(self._student.cells)) if s not in self._gone]
        steady = set(_longest_rise([place[s] for s in order if s in place and self._counts(place[s])]))
        cells: list[tuple[int, NotebookNode]] = []
        moved = []
        for s in order:
            r = place.get(s, -1)
            if r >= 0 and self._counts(r) and r not in steady:
                moved.append(r)
            else:
                cells.append((r, self._cell(r, s)))
        for r in sorted(moved):
            cells.insert(
                _where(r, cells, is_solution(self._release.cells[r])),
                (r, self._cell(r, self._found.cells[r])),
            )
            if name_of(self._release.cells[r]):
                self._tell("moved: put back into its place", r)
        return cells

    def _counts(self, r: int) -> bool:
        """Whether the place of a released cell matters: a text may stand anywhere."""
        return bool(name_of(self._release.cells[r])) or self._release.cells[r].cell_type == "code"

    def _cell(self, r: int, s: int) -> NotebookNode:
        """The student's cell as it is graded: with the release's metadata and type where it is one of the release's."""
        mine = self._student.cells[s]
        if r < 0 or not name_of(self._release.cells[r]):
            cell = copy.deepcopy(mine)
            cell.metadata = NotebookNode()
            return cell
        original = self._release.cells[r]
        cell = copy.deepcopy(original)
        theirs = mine.metadata.get("nbgrader") if name_of(mine) else {}
        if not theirs.get("grade_id"):
            self._tell("without nbgrader's metadata, which comes from the release", r)
        elif theirs["grade_id"] != name_of(original):
            self._tell("under another name", r)
        elif any(theirs.get(key) != original.metadata["nbgrader"].get(key) for key in _TELLING):
            self._tell("with changed points or locks, which come from the release", r)
        if mine.cell_type != original.cell_type:
            self._tell(f"a {mine.cell_type} cell: made a {original.cell_type} cell again", r)
        if is_solution(original):
            cell.source = self._sources[r]
            if "attachments" in mine and cell.cell_type != "code":
                cell.attachments = copy.deepcopy(mine.attachments)
        elif plain(mine.source) != plain(original.source):
            self._tell("changed, though locked: as in the release again", r)
        return cell

    def _put_back(self, cells: list[tuple[int, NotebookNode]]) -> None:
        there = {r for r, _ in cells}
        for r, original in enumerate(self._release.cells):
            if name_of(original) and r not in there:
                cell = copy.deepcopy(original)
                if elsewhere := self._answered_elsewhere(r):
                    # Put back as it was, it would take the place of the answer.
                    cell.source = f"# The answer stands in the cell {elsewhere}."
                    self._tell(f"merged with the cell {elsewhere}, where its answer is", r)
                else:
                    self._tell("deleted: put back", r)
                cells.insert(_where(r, cells, is_solution(original)), (r, cell))

    def _answered_elsewhere(self, r: int) -> str:
        """The cell with a name that defines what this missing one should; empty when there is none."""
        wanted = defined(self._release.cells[r].source) if is_solution(self._release.cells[r]) else set()
        holding = [
            name_of(self._release.cells[other])
            for other, source in self._sources.items()
            if is_solution(self._release.cells[other]) and wanted and wanted <= defined(source)
        ]
        return holding[-1] if holding else ""

    def _put_back_needed(self, cells: list[tuple[int, NotebookNode]]) -> None:
        """Cells without a name that a cell with one cannot do without: the one that opens the lab, for instance."""
        code = [(r, cell) for r, cell in enumerate(self._release.cells) if cell.cell_type == "code"]
        while True:
            have = {one for _, cell in cells if cell.cell_type == "code" for one in names.bound(cell.source)}
            needing = [
                cell for r, cell in cells if cell.cell_type == "code" and (name_of(cell) or r in self._added)
            ]
            wanted = {one for cell in needing for one in names.used(cell.source)}
            there = {r for r, cell in cells if r >= 0 and cell.cell_type == "code"}
            missing = [
                r for r, cell in code if r not in there and (wanted - have) & names.bound(cell.source).keys()
            ]
            if not missing:
                return
            r = missing[0]
            cell = copy.deepcopy(self._release.cells[r])
            cells.insert(_where(r, cells, True), (r, cell))
            self._added.add(r)
            what = ", ".join(sorted((wanted - have) & names.bound(cell.source).keys()))
            self._said.append(f"The cell that defines {what} was missing: put back.")

    def _about_the_notebook(self) -> Iterable[str]:
        metadata, ours = self._student.metadata, self._release.metadata
        if not _version(self._student):
            yield "The notebook's metadata was lost: its cells are those of the release."
        kernel = metadata.get("kernelspec")
        kernel = kernel.get("name", "") if isinstance(kernel, dict) else ""
        if kernel and kernel != ours.get("kernelspec", {}).get("name"):
            yield f"The notebook asked for the kernel {kernel!r}: it runs in the course's."
        if any(_INSTALLS.search(cell.source) for cell in self._student.cells if cell.cell_type == "code"):
            yield "A cell installs packages: in grading nothing is installed, and the cell goes on without it."

    def _tell(self, what: str, r: int) -> None:
        self._told.setdefault(what, []).append(name_of(self._release.cells[r]))

    def _sentences(self) -> Iterable[str]:
        for what, cells in self._told.items():
            cells = list(dict.fromkeys(cells))
            one = len(cells) == 1
            yield f"The cell{'' if one else 's'} {', '.join(cells)} {'was' if one else 'were'} {what}."


def _where(r: int, cells: list[tuple[int, NotebookNode]], early: bool) -> int:
    """The place of a released cell: behind the one before it, or, when not early, in front of the one after it."""
    before = max((other for other, _ in cells if 0 <= other < r), default=None)
    after = min((other for other, _ in cells if other > r), default=None)
    numbers = [other for other, _ in cells]
    if before is not None and (early or after is None):
        return numbers.index(before) + 1 if early else len(cells)
    return numbers.index(after) if after is not None else len(cells)


def _longest_rise(numbers: list[int]) -> list[int]:
    """A longest run of rising numbers, in their order: those that need not move."""
    ends: list[list[int]] = []
    for number in numbers:
        at = bisect.bisect_left([run[-1] for run in ends], number)
        run = [*(ends[at - 1] if at else []), number]
        ends[at : at + 1] = [run]
    return ends[-1] if ends else []


def _give_ids(cells: list[tuple[int, NotebookNode]]) -> None:
    """Every cell has an id of its own; the release's cells keep theirs."""
    taken = {cell.id for r, cell in cells if r >= 0 and name_of(cell)}
    for _, cell in cells:
        if not name_of(cell):
            if cell.id in taken:
                cell.id = nbformat.v4.new_raw_cell().id
            taken.add(cell.id)


def _version(notebook: NotebookNode) -> str:
    ours = notebook.metadata.get("sparklimits")
    return str(ours.get("version", "")) if isinstance(ours, dict) else ""
