"""The marks of a notebook, made outside of its kernel: before it runs, and from what it answered after it has run.

What a function earns is found out before: the student's cells are in the file. The kernel then runs the notebook for
its pictures and answers, and for nothing else: no graded cell runs in it, so no hidden seed comes near it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.utils import is_grade

from sparklimits.display import page
from sparklimits.errors import CandidateError, SparkLimitsError
from sparklimits.grading import names
from sparklimits.grading.marks import name_of
from sparklimits.grading.matching import functions, is_solution, plain
from sparklimits.grading.referee import launcher, points
from sparklimits.grading.referee.arm import Arm
from sparklimits.grading.referee.launcher import Launch
from sparklimits.grading.referee.referee import Referee
from sparklimits.machine import messages
from sparklimits.measurement.lab import Lab
from sparklimits.measurement.result import Result

#: The cell that measures, by its name.
PROVE = "prove"
_HIDDEN = re.compile(r"^[^\n]*BEGIN HIDDEN TESTS.*?END HIDDEN TESTS[^\n]*\n?", re.DOTALL | re.MULTILINE)
_MOST = re.compile(r", most=[\d.]+\)\s*$")


@dataclass
class Judged:
    """What is known before the kernel runs: the result, and the outputs of graded cells that need no answer of it.

    ``final`` is the result after the hidden tests too. It is for those who grade: its reasons tell of hidden data.
    """

    result: Result
    final: Result
    outputs: dict[str, list[NotebookNode]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


class Marks:
    """The graded cells of one notebook of a lab.

    Args:
        lab: the lab.
        release: its released notebook, which says what belongs to the course.
        notebook: the student's, put in order, not run yet.
    """

    def __init__(self, lab: Lab, release: NotebookNode, notebook: NotebookNode) -> None:
        self._lab, self._release, self._notebook = lab, release, notebook
        released = {name_of(cell): cell for cell in release.cells if name_of(cell)}
        #: The graded cells of code, in their order: none of them runs in the kernel.
        self.graded = {
            name_of(cell): cell
            for cell in notebook.cells
            if cell.cell_type == "code" and is_grade(cell) and not is_solution(cell)
        }
        self._known = {
            name: cell
            for name, cell in self.graded.items()
            if name in released and _same(cell.source, released[name].source)
        }
        written = [cell for cell in release.cells if cell.cell_type == "code" and is_solution(cell)]
        self._answers = {
            name for cell in written if not functions(cell.source) for name in names.bound(cell.source)
        }
        #: Functions that are graded by themselves, not by the lab's measurement, and the cells that define them.
        self._alone = {
            name: name_of(cell)
            for cell in written
            if name_of(cell) not in lab.names
            for name in functions(cell.source)
        }

    def wants(self, cell: str) -> list[str]:
        """The student's answers that a graded cell is about: names of the notebook."""
        return sorted(self._answers & names.used(self.graded[cell].source)) if cell in self._known else []

    def judge(
        self, scale: float, launch: Launch = launcher.plain, progress: Callable[[str], None] = print
    ) -> Judged:
        """Measures the student's functions, and grades what needs no answer of the kernel."""
        sources = {name_of(cell): cell.source for cell in self._notebook.cells if cell.cell_type == "code"}
        # Of a cell that is gone, the candidate says that its function is not defined.
        cells = {name: sources.get(name, "") for name in self._lab.names}
        with Referee(self._lab, cells, scale=scale, launch=launch, progress=progress) as referee:
            result = referee.measure()
            judged = Judged(result, result)
            namespace: dict[str, Any] = {"result": result, "lab": referee, **referee.functions}
            for name, cell in self._known.items():
                alone = sorted(self._alone.keys() & names.used(cell.source))
                if alone:
                    source = sources.get(self._alone[alone[0]], "")
                    judged.outputs[name] = self._outputs_beside(cell, alone[0], source, launch)
                elif not self.wants(name):
                    judged.outputs[name] = self._outputs(cell, namespace)
            judged.final = namespace["result"]
            if any(map(self.wants, self._known)):
                judged.facts = self._facts(referee)
        return judged

    def finish(self, judged: Judged, answers: Mapping[str, Mapping[str, Any]]) -> None:
        """Puts the referee's result and marks in the place of what the kernel said.

        Args:
            judged: what was known before.
            answers: of each graded cell, the student's answers by name, as the kernel showed them.
        """
        for cell in self._notebook.cells:
            if cell.cell_type == "code" and name_of(cell) == PROVE:
                shown = {"text/plain": str(judged.result), "text/html": page.as_html(judged.result)}
                cell.outputs = [_number(shown)]
        for name, cell in self.graded.items():
            if name in judged.outputs:
                cell.outputs = judged.outputs[name]
            elif name in self._known:
                given = dict.fromkeys(self.wants(name)) | dict(answers.get(name, {}))
                cell.outputs = self._outputs(cell, {**judged.facts, **given})
            else:
                cell.outputs = [_error(messages.tell("unknown_graded_cell", cell=name))]

    def _outputs(self, cell: NotebookNode, namespace: dict[str, Any]) -> list[NotebookNode]:
        """Runs a graded cell here, and gives what nbgrader reads."""
        there = points.imported(points.imports_for(cell.source, self._release))
        namespace.update({name: value for name, value in there.items() if name not in namespace})
        try:
            printed, value = points.run(cell.source, namespace)
        except Exception as error:  # as in a kernel: it costs this cell
            return [_error(f"{type(error).__name__}: {error}")]
        return _graded(cell, printed, value)

    def _outputs_beside(
        self, cell: NotebookNode, function: str, source: str, launch: Launch
    ) -> list[NotebookNode]:
        """Runs a graded cell in a process beside the function that it is about: what that is given cannot travel."""
        # It may use what the notebook imports, and nothing else of it.
        above = points.imports_for(source, self._notebook, answers=True)
        arm = Arm(self._lab, launch, {function: "\n".join([*above, source])}, session=False)
        try:
            imports = points.imports_for(cell.source, self._release)
            printed, value = arm.judge(cell.source, imports, function)
        except (CandidateError, SparkLimitsError) as error:
            return [_error(str(error))]
        finally:
            arm.end()
        return _graded(cell, printed, value)

    def _facts(self, referee: Referee) -> Mapping[str, Any]:
        try:
            return referee.facts()
        except SparkLimitsError:
            return {}  # the cell that needs them says so, with its own error


def _same(source: str, released: str) -> bool:
    """Whether a graded cell is the release's, its hidden tests and its written-out points left aside."""
    shown, public = (_MOST.sub(")", plain(_HIDDEN.sub("", one))) for one in (source, released))
    return shown == public


def _graded(cell: NotebookNode, printed: str, value: Any) -> list[NotebookNode]:
    """The outputs of a graded cell: what it printed, and its points as a plain number from 0 to those of the cell."""
    told = [new_output("stream", name="stdout", text=printed)] if printed else []
    if type(value) not in (int, float) or not math.isfinite(value):
        return [_error("The cell gave no number of points: it earns none."), *told]
    earned = min(float(cell.metadata.nbgrader.points), max(0.0, float(value)))
    return [*told, _number({"text/plain": repr(earned)})]


def _number(data: Mapping[str, str]) -> NotebookNode:
    return new_output("execute_result", data=dict(data), execution_count=None)


def _error(text: str) -> NotebookNode:
    return new_output("error", ename="NoPoints", evalue=text, traceback=[f"NoPoints: {text}"])
