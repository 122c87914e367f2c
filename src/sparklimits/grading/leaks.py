"""Do a lab's answers or hidden tests stand in something that students get?

What must not be seen is read from the notebook itself: its solution blocks and its hidden blocks, of whatever lab.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from sparklimits.grading.marks import name_of

#: What nbgrader takes out between these lines, and what must never reach a student.
MARKERS = ("BEGIN SOLUTION", "BEGIN HIDDEN TESTS", "BEGIN MARK SCHEME")
_BLOCK = re.compile(r"### BEGIN (SOLUTION|HIDDEN TESTS)\n(?P<text>.*?)### END \1", re.DOTALL)
#: Lines shorter than this say nothing by themselves (`return table`).
_SHORT = 20
#: A block has leaked when more than this share of its lines, by their length, stands in one file.
_SHARE = 0.5
#: A number of so many digits in a hidden block is a seed; more of them than this are a table, whose lines tell.
_NUMBER = re.compile(r"(?<![\w.])\d[\d_]{3,}\d(?!\w|\.\d)")
_TABLE = 20


@dataclass(frozen=True)
class Secret:
    """A block that students must not see: the cell that it stands in, its telling lines, and its telling numbers."""

    cell: str
    lines: tuple[str, ...]
    numbers: tuple[str, ...] = ()


def secrets(notebook: NotebookNode, naive: str = "") -> list[Secret]:
    """The solution and hidden blocks of an instructor's notebook; a model answer is one line for each paragraph.

    ``naive`` is the source of the lab's naive functions: the lines in which an answer does the same are no secret.
    """
    public = set(_telling(naive))

    def telling(text: str) -> tuple[str, ...]:
        return tuple(line for line in _telling(text) if line not in public)

    found = []
    for cell in notebook.cells:
        settings = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "markdown" and settings.get("solution"):
            found.append(Secret(name_of(cell), telling(cell.source)))
        for block in _BLOCK.finditer(cell.source):
            hidden = block[1] == "HIDDEN TESTS"
            numbers = tuple(sorted(set(_NUMBER.findall(block["text"])))) if hidden else ()
            found.append(
                Secret(name_of(cell), telling(block["text"]), numbers if len(numbers) <= _TABLE else ())
            )
    return [secret for secret in found if secret.lines or secret.numbers]


def leaks(secrets: Iterable[Secret], files: Iterable[tuple[str, str]]) -> Iterator[str]:
    """What has leaked into which of the files (name and text): a sentence each."""
    known = [(name, text, set(_telling(text))) for name, text in files]
    for secret in secrets:
        for name, text, lines in known:
            if number := next((one for one in secret.numbers if _holds(text, one)), None):
                yield f"{name} holds the number {number} of a hidden test in the cell {secret.cell}"
            told = sum(len(line) for line in secret.lines if line in lines)
            if told > _SHARE * sum(map(len, secret.lines)):
                yield f"{name} holds the answer of the cell {secret.cell}"


def readable(paths: Iterable[Path], root: Path) -> Iterator[tuple[str, str]]:
    """The text of those files that are text, with their names below the root. A notebook's cells are unfolded."""
    import nbformat

    for path in paths:
        if path.suffix == ".ipynb":
            cells = nbformat.read(path, as_version=4).cells
            yield str(path.relative_to(root)), "\n".join(cell.source for cell in cells)
        elif path.suffix in (".py", ".md", ".json", ".txt", ".yml", ".yaml", ".toml", ".html", ""):
            yield str(path.relative_to(root)), path.read_text("utf-8", "replace")


def _telling(text: str) -> list[str]:
    """The lines that say something, without what indents or comments them."""
    lines = (" ".join(line.split("  #")[0].split()) for line in text.splitlines())
    return [line for line in lines if len(line) >= _SHORT and not line.startswith(("import ", "from ", "#"))]


def _holds(text: str, number: str) -> bool:
    plain = number.replace("_", "")
    return any(re.search(rf"(?<![\w.]){re.escape(one)}(?!\w|\.\d)", text) for one in {number, plain})
