"""What outputs tell about hidden tests, and outputs without it: lines, seeds and cases, tracebacks included."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator

from nbformat import NotebookNode
from nbgrader.utils import is_locked

from sparklimits.grading.matching import plain

_BLOCK = re.compile(
    r"^[^\n]*BEGIN HIDDEN TESTS[^\n]*\n(?P<text>.*?)^[^\n]*END HIDDEN TESTS[^\n]*$", re.DOTALL | re.MULTILINE
)
_NUMBER = re.compile(r"(?<![\w.])\d[\d_]{2,}\d(?:\.\d+)?(?!\w)")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
#: A hidden line this short says nothing.
_SHORT = 8
_GONE = "…"


def without_traces(notebook: NotebookNode) -> NotebookNode:
    """A copy of an autograded notebook whose outputs show no hidden line, no number and no text of a hidden test.

    In a cell with hidden lines, of what was printed the lines stay that the cell's visible part prints, of an error
    its name and message, and the points. What the student's functions print there is about hidden cases.
    """
    notebook = copy.deepcopy(notebook)
    secrets = _Secrets(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            if _block_in(cell):
                cell.outputs = list(_visible(cell))
            for output in cell.outputs:
                secrets.clear(output)
    return notebook


def _block_in(cell: NotebookNode) -> bool:
    """Whether a cell has hidden tests: a locked one may. What a student calls so is none."""
    return is_locked(cell) and _BLOCK.search(cell.source) is not None


def _visible(cell: NotebookNode) -> Iterator[NotebookNode]:
    prints = _texts(_BLOCK.sub("", cell.source))
    for output in cell.outputs:
        if output.output_type == "stream":
            lines = [line for line in output.text.splitlines() if any(text in line for text in prints)]
            output.text = "".join(f"{line}\n" for line in lines)
            if lines:
                yield output
        elif output.output_type == "error":
            output.traceback = [f"{output.ename}: {output.evalue}"]
            yield output
        elif output.output_type == "execute_result":
            yield output


def _texts(source: str) -> list[str]:
    """The constant texts that a piece of Python holds, those within f-strings included."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    found = (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return [text.strip() for text in found if len(text.strip()) >= _SHORT]


class _Secrets:
    """The lines, numbers and texts that stand in the hidden blocks of a notebook and nowhere else in it."""

    def __init__(self, notebook: NotebookNode) -> None:
        hiding = [cell for cell in notebook.cells if _block_in(cell)]
        blocks = [block["text"] for cell in hiding for block in _BLOCK.finditer(cell.source)]
        open_text = "\n".join(
            _BLOCK.sub("", cell.source) if cell in hiding else cell.source for cell in notebook.cells
        )
        lines = {line.strip() for block in blocks for line in block.splitlines()}
        self._lines = [line for line in lines if len(line) >= _SHORT and line not in open_text]
        numbers = {number.replace("_", "") for block in blocks for number in _NUMBER.findall(block)}
        numbers -= {number.replace("_", "") for number in _NUMBER.findall(open_text)}
        texts = {text for block in blocks for text in _texts(block) if text not in open_text}
        words = [re.escape(text) for text in sorted(texts, key=len, reverse=True)]
        words += [rf"(?<![\w.]){'[_,]?'.join(map(re.escape, number))}(?!\w)" for number in sorted(numbers)]
        self._words = re.compile("|".join(words)) if words else None

    def clear(self, output: NotebookNode) -> None:
        """Takes them out of one output."""
        if output.output_type == "stream":
            output.text = self._cleared(output.text)
        elif output.output_type == "error":
            output.evalue = self._cleared(output.evalue)
            output.traceback = [self._cleared(part) for part in output.traceback]
        else:
            for kind, value in output.get("data", {}).items():
                if kind.startswith("text/") and isinstance(value, str):
                    output.data[kind] = self._cleared(value)

    def _cleared(self, text: str) -> str:
        bare = _ANSI.sub("", text)
        if any(line in plain(bare) for line in self._lines) or (self._words and self._words.search(bare)):
            kept = [line for line in bare.splitlines() if not any(one in line for one in self._lines)]
            text = "\n".join(kept)
            return self._words.sub(_GONE, text) if self._words else text
        return text
