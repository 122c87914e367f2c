"""The one fast check for an instructor who changed a lab: is it whole? Nothing is run, and Spark is not started."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from sparklimits import __version__, labs
from sparklimits.display.tables import with_tables
from sparklimits.errors import SubmissionError
from sparklimits.grading import marks
from sparklimits.grading.marks import name_of
from sparklimits.grading.policy import tables
from sparklimits.grading.release import bundle_files, leaked_from
from sparklimits.grading.shadows import shadowed
from sparklimits.grading.student_copy import student_copy
from sparklimits.grading.submission import read_notebook
from sparklimits.machine.jupyter_files import KERNEL
from sparklimits.machine.paths import project_root
from sparklimits.measurement.lab import Lab
from sparklimits.measurement.result import SPEED

#: Characters of text that a notebook may have: more is not read.
MOST_TEXT = 30_000
_BLOCK = re.compile(r"### BEGIN SOLUTION\n.*?### END SOLUTION", re.DOTALL)


@dataclass(frozen=True)
class Problem:
    """What is wrong, where, and what to do about it."""

    lab: str
    cell: str
    what: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.lab}, cell {self.cell}" if self.cell else self.lab
        return f"{where}: {self.what}. {self.remedy}."


def lint(lab_id: str) -> list[Problem]:
    """All that is wrong with a lab's notebook, its student copy and its pages.

    Raises:
        SparkLimitsError: there is no such lab.
    """
    lab, root = labs.find(lab_id), project_root()
    source = root / "solutions" / lab_id / f"{lab_id}.ipynb"
    try:
        notebook = read_notebook(source)
    except SubmissionError as error:
        return [Problem(lab_id, "", str(error).rstrip("."), f"A lab's one source is {source}")]
    found = [
        Problem(lab_id, cell, what, remedy)
        for part in (
            _names(notebook),
            _functions(notebook, lab),
            _hints(lab_id, lab),
            _shadows(notebook, lab),
            _points(notebook, lab),
            _form(notebook),
        )
        for cell, what, remedy in part
    ]
    if lab.id != lab_id:
        found.append(Problem(lab_id, "", f"its LAB has the id {lab.id!r}", "Give it the name of its folder"))
    if not (root / "course" / f"{lab_id}.md").is_file():
        found.append(Problem(lab_id, "", "it has no chapter", f"Write course/{lab_id}.md"))
    if not found:  # only a whole notebook can be made into a student's copy
        found += _copy(lab_id, notebook, root)
    if not found:
        found += _page(lab_id, root)
    found += [Problem(lab_id, "", leak, "Take it out") for leak in leaked_from(lab_id, bundle_files(root))]
    return found


def _names(notebook: NotebookNode) -> Iterator[tuple[str, str, str]]:
    often = Counter(filter(None, map(name_of, notebook.cells)))
    for name, count in often.items():
        if count > 1:
            yield (
                name,
                f"{count} cells have this name",
                "Give each cell a name of its own: nbgrader goes by it",
            )
    for cell in notebook.cells:
        settings = cell.metadata.get("nbgrader", {})
        if settings.get("grade") and "points" not in settings:
            yield name_of(cell), "it is graded and has no points", "Set them in JupyterLab: Create Assignment"
        if settings.get("task") and not settings.get("locked"):
            yield name_of(cell), "a task cell that is not locked breaks autograding for everybody", "Lock it"


def _functions(notebook: NotebookNode, lab: Lab) -> Iterator[tuple[str, str, str]]:
    cells = {name_of(cell): cell for cell in notebook.cells}
    for name in lab.names:
        if name not in cells:
            yield (
                name,
                f"there is no cell for the function {name}",
                "Name the cell that defines it like the function",
            )
            continue
        cell = cells[name]
        if not cell.metadata["nbgrader"].get("solution"):
            yield name, "it is no solution cell, so students could not write in it", "Make it a solution cell"
        if not _BLOCK.search(cell.source):
            yield (
                name,
                "no solution stands between ### BEGIN SOLUTION and ### END SOLUTION",
                "Mark the answer",
            )
        without = _BLOCK.sub("pass", cell.source)
        try:
            defined = {
                node.name for node in ast.walk(ast.parse(without)) if isinstance(node, ast.FunctionDef)
            }
        except SyntaxError as error:
            yield (
                name,
                f"without its answer it is no Python ({error.msg})",
                "Leave the frame of the function outside",
            )
            continue
        if name not in defined:
            yield (
                name,
                f"without its answer it does not define {name}",
                "Leave the line `def …` outside of the answer",
            )
        elif f"naive.{name}(" not in without and f".{name}(" not in without:
            yield (
                name,
                "untouched, it does not fall back to the naive way",
                f"End it with `return naive.{name}(…)`",
            )


def _hints(lab_id: str, lab: Lab) -> Iterator[tuple[str, str, str]]:
    there = labs.hints(lab_id)
    for name in lab.names:
        if name not in there:
            yield (
                name,
                "it has no hints",
                "Add a question, a place to look and a neighbouring problem to HINTS",
            )


def _shadows(notebook: NotebookNode, lab: Lab) -> Iterator[tuple[str, str, str]]:
    for cell, name in shadowed(notebook, lab.names):
        yield (
            cell,
            f"it gives {name} another meaning than an answer uses, so that cells run out of order break the answer",
            "Take another name here",
        )


def _points(notebook: NotebookNode, lab: Lab) -> Iterator[tuple[str, str, str]]:
    points = marks.points_of(notebook)
    told: set[str] = set()
    for cell in notebook.cells:
        name = name_of(cell)
        if cell.cell_type == "markdown":
            wanted = marks.named(cell.source)
            told.update(wanted)
            for one in wanted:
                if one not in points and one != marks.ALL:
                    yield name or one, f"a text asks for the points of {one}", "Name a graded cell"
            if re.search(r"\(\d+ points?\b", cell.source):
                yield (
                    name,
                    "a text has points written out",
                    "Write {points: NAME}: they stand in the metadata",
                )
            continue
        for part in re.findall(r"\.share\(\s*[\"'](\w+)[\"']", cell.source):
            if part not in {SPEED, *lab.bars}:
                there = ", ".join((SPEED, *lab.bars))
                yield name, f"it asks for the share {part!r}, and the lab's are {there}", "Correct the name"
        if name in points and not cell.metadata["nbgrader"].get("solution"):
            if not marks.has_points_call(cell.source):
                yield (
                    name,
                    "it does not end with points(…), so nbgrader would give all of them",
                    "Add the line",
                )
            elif re.search(r"^points\(\s*[\d.]+\s*,", cell.source, re.MULTILINE):
                yield name, "it has points of its own", "Write points(share): they stand in the metadata"
    for name in points.keys() - told:
        yield (
            name,
            f"no text says that it is worth {points[name]:g}",
            f"Write {{points: {name}}} into a heading",
        )


def _form(notebook: NotebookNode) -> Iterator[tuple[str, str, str]]:
    text = sum(len(cell.source) for cell in notebook.cells)
    if text > MOST_TEXT:
        yield "", f"it has {text:,} characters of text; {MOST_TEXT:,} are read", "Make it shorter"
    if any(cell.get("outputs") for cell in notebook.cells):
        yield "", "it holds stored outputs", "Clear them (Edit, Clear Outputs of All Cells), and save"
    version = str(notebook.metadata.get("sparklimits", {}).get("version", ""))
    if version.split(".")[0] != __version__.split(".")[0]:
        yield "", f"its metadata names version {version or 'none'}, and this is {__version__}", "Correct it"
    if (kernel := notebook.metadata.get("kernelspec", {}).get("name", "")) != KERNEL:
        yield "", f"it asks for the kernel {kernel or 'of nobody'}", f"Choose the kernel {KERNEL}, and save"


def _copy(lab_id: str, notebook: NotebookNode, root: Path) -> Iterator[Problem]:
    remedy = f"Run `nbgrader generate_assignment {lab_id} --force`"
    path = root / "labs" / lab_id / f"{lab_id}.ipynb"
    if not path.is_file():
        yield Problem(lab_id, "", "there is no student's copy", remedy)
        return
    wanted, there = student_copy(notebook).cells, read_notebook(path).cells
    if [(cell.cell_type, cell.source) for cell in wanted] != [
        (cell.cell_type, cell.source) for cell in there
    ]:
        yield Problem(lab_id, "", "the student's copy is not in step with it", remedy)


def _page(lab_id: str, root: Path) -> Iterator[Problem]:
    page = root / "course" / "grading.md"
    if page.is_file():
        text = page.read_text("utf-8")
        if with_tables(text, tables(labs.every(), root)) != text:
            remedy = "Run `python tools/write_grading_page.py`"
            yield Problem(lab_id, "", "course/grading.md is not in step with the points and bars", remedy)
