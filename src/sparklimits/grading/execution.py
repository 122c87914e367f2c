"""Runs a notebook so that what goes wrong in one cell costs that cell, and a lost output earns nothing.

nbgrader gives full marks to a graded cell without output, and loses the whole submission when a kernel dies or does not
answer. Here a flood of output is cut, a cell that takes too long is interrupted and waited for, and after a dead kernel
the notebook runs again without the cell that ended it.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from queue import Empty
from typing import Any

from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import DeadKernelError
from nbclient.util import ensure_async
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import Execute
from nbgrader.utils import is_grade, is_locked, is_solution
from traitlets import Integer

from sparklimits.errors import MachineError, SubmissionError
from sparklimits.grading.marks import name_of
from sparklimits.grading.matching import functions
from sparklimits.grading.names import used
from sparklimits.machine import messages
from sparklimits.machine.paths import scratch

#: How often a cell may end the kernel: once may be the machine's fault (no memory), twice is the cell's.
_DEATHS = 2
#: How many cells are left out at most: each costs one or two runs of the notebook.
_LEFT_OUT = 4
#: Errors that are kept of a cell, parts of each one's traceback, and characters of its name. One cell raises one error;
#: more come from a kernel that sends what it likes.
_ERRORS, _PARTS, _LINE = 5, 100, 200
#: What an interrupted cell leaves to Spark would go on, and take the slots of those that follow.
_CANCEL = """\
import sys
if "pyspark" in sys.modules:
    from pyspark import SparkContext
    if SparkContext._active_spark_context:
        SparkContext._active_spark_context.cancelAllJobs()
"""


class PatientExecute(Execute):
    """nbgrader's step that runs the notebook, made to survive what students' cells do."""

    max_text = Integer(200_000, help="Characters that are kept of what one cell prints.").tag(config=True)
    max_output = Integer(5_000_000, help="Characters of all outputs of one cell, pictures included.").tag(
        config=True
    )
    max_outputs = Integer(200, help="Outputs that are kept of one cell.").tag(config=True)
    grace = Integer(90, help="Seconds that an interrupted cell has for its end, twice.").tag(config=True)

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict, km: Any = None
    ) -> tuple[NotebookNode, ResourcesDict]:
        """The notebook with its outputs.

        Raises:
            MachineError: the kernel did not start.
            SubmissionError: too many cells ended the kernel.
        """
        # Widgets' state is no output that anybody reads. Outputs that come too late are worth a cell, not a submission.
        self.store_widget_state = self.raise_on_iopub_timeout = False
        self.skip_cells_with_tag = ""
        self._skipped: dict[int, str] = {}
        deaths: Counter[int] = Counter()
        starts = 0
        while True:
            self._at, self._stuck = -1, False
            try:
                return super().preprocess(nb, resources, km)
            except DeadKernelError:
                if self._at < 0:
                    raise MachineError("The kernel ended before the first cell ran.") from None
                deaths[self._at] += _DEATHS if self._stuck else 1
                if len(self._skipped) == _LEFT_OUT:
                    told = messages.tell("kernel_ended_often", count=_LEFT_OUT, cell=self._at + 1)
                    raise SubmissionError(told) from None
                self.log.warning("The kernel ended in cell %d; the notebook runs again", self._at + 1)
                if deaths[self._at] >= _DEATHS:
                    self._skip_what_ended(nb.cells)
                    deaths.clear()
            except (NoSuchKernel, RuntimeError) as error:
                starts += 1
                if starts == 1:  # another program may have taken a port that was free for the kernel
                    self.log.warning("The kernel did not start (%s): once more", error)
                    continue
                reason = str(error).rstrip(".")
                raise MachineError(messages.tell("kernel_not_started", reason=reason)) from error

    def start_new_kernel(self, **keywords: Any) -> None:
        """Starts the kernel with :meth:`variables`."""
        super().start_new_kernel(**keywords, env={**os.environ, **self.variables()})

    def variables(self) -> dict[str, str]:
        """What a kernel gets beside our own variables: a new folder for IPython, without anybody's settings.

        Which lines of a graded cell show a value, and in how many digits, would follow from those; so would what a
        startup file has defined.
        """
        return {"IPYTHONDIR": tempfile.mkdtemp(prefix="ipython-", dir=scratch())}

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Runs a cell, unless it has ended the kernel before."""
        self._at, self._late = index, False
        self._printed, self._size, self._cut = 0, 0, False
        if reason := self._skipped.get(index):
            cell.outputs = [_error("KernelEnded", reason)]
            return cell, self.resources
        cell, resources = super().preprocess_cell(cell, resources, index)
        if self._late:
            self._run_unseen(_CANCEL)
            if is_locked(cell) and (solution := self._answer_before(index)) is not None:
                self._forget(solution)
        scored = is_grade(cell) and not is_solution(cell) and cell.cell_type == "code"
        if scored and not _failed(cell) and not _gives_points(cell):
            # In front of the others: nbgrader takes the first that tells.
            cell.outputs.insert(0, _error("NoPoints", "The cell gave no number of points: it earns none."))
        return cell, resources

    def output(self, outs: list[NotebookNode], msg: dict[str, Any], display_id: str, cell_index: int) -> Any:
        """Keeps an output, as long as the cell has not had its share. Errors and points are always kept."""
        kind, content = msg["msg_type"], msg["content"]
        if kind == "error":
            if sum(one.output_type == "error" for one in outs) >= _ERRORS:
                return None
            content["ename"], content["evalue"] = content["ename"][:_LINE], content["evalue"][: self.max_text]
            content["traceback"] = [part[: self.max_text] for part in content["traceback"][-_PARTS:]]
            return super().output(outs, msg, display_id, cell_index)
        text = content["text"] if kind == "stream" else ""
        size = len(text) or len(json.dumps(content, default=str))
        self._printed += len(text)
        self._size += size
        full = self._printed > self.max_text or self._size > self.max_output or len(outs) > self.max_outputs
        if full and (kind != "execute_result" or size > self.max_text):
            if not self._cut:
                self._cut = True
                start = text[: max(0, self.max_text - self._printed + len(text))]
                note = f"{start}\n… Some of the output is left out.\n"
                outs.append(new_output("stream", name="stdout", text=note))
            return None
        last = outs[-1] if outs and not self.clear_before_next_output and not self._cut else {}
        if text and last.get("output_type") == "stream" and last.get("name") == content["name"]:
            last["text"] += text
            return None
        return super().output(outs, msg, display_id, cell_index)

    async def _async_handle_timeout(self, timeout: int, cell: NotebookNode | None = None) -> Any:
        """Interrupts a cell, waits until it has ended, and goes on: a job of Spark needs its time for that."""
        assert self.km is not None
        assert self.kc is not None
        self._late = True
        self.log.warning("Cell %d took longer than %d s: it is interrupted", self._at + 1, timeout)
        for _ in range(2):
            await ensure_async(self.km.interrupt_kernel())
            try:
                await ensure_async(self.kc.shell_channel.get_msg(timeout=self.grace))
            except Empty:
                continue
            reason = f"The cell took longer than {timeout} s and was interrupted."
            return {
                "content": {
                    **self.error_on_timeout,
                    "evalue": reason,
                    "traceback": [reason],
                    "status": "error",
                }
            }
        self._stuck = True
        await ensure_async(self.km.shutdown_kernel(now=True))
        raise DeadKernelError("The cell did not end when it was interrupted.")

    def _skip_what_ended(self, cells: list[NotebookNode]) -> None:
        """Leaves out the cell that ended the kernel; where it only tests an answer, the answer."""
        index = self._at
        if is_locked(cells[index]) and (solution := self._answer_before(index)) is not None:
            index = solution
        how = "did not end when it was interrupted" if self._stuck else "ended the kernel"
        self._skipped[index] = (
            f"Running this cell {how}: it is left out."
            if index == self._at
            else f"Running the cell {name_of(cells[self._at])} {how}: this answer is left out."
        )

    def _answer_before(self, index: int) -> int | None:
        """The answer with a function that a locked cell uses; where it names none, the nearest one in front of it."""
        wanted = used(self.nb.cells[index].source)
        answers = [
            other
            for other, cell in enumerate(self.nb.cells[:index])
            if is_solution(cell)
            and cell.cell_type == "code"
            and functions(cell.source)
            and other not in self._skipped
        ]
        named = [one for one in answers if wanted & functions(self.nb.cells[one].source)]
        return named[-1] if named else answers[-1] if answers else None

    def _run_unseen(self, code: str) -> None:
        """Runs a few lines in the kernel that are no cell."""
        assert self.kc is not None
        self.wait_for_reply(self.kc.execute(code, silent=True, store_history=False))

    def _forget(self, index: int) -> None:
        """Takes a function away whose test took too long: the measurement would take as long, and cost the others."""
        cell = self.nb.cells[index]
        taken = sorted(functions(cell.source))
        self._run_unseen("\n".join(f"globals().pop({name!r}, None)" for name in taken))
        cell.outputs.append(
            _error("TookTooLong", f"The test of {', '.join(taken)} took too long: the function is left out.")
        )


def _failed(cell: NotebookNode) -> bool:
    """Whether a cell ended with an error; text on standard error is none."""
    return any(output.output_type == "error" for output in cell.outputs)


def _gives_points(cell: NotebookNode) -> bool:
    """Whether the cell's first result is a number from 0 to its points.

    nbgrader gives full marks for anything else, and ends with an error for more.
    """
    results = [one for one in cell.outputs if one.output_type == "execute_result"]
    try:
        return bool(results) and 0 <= float(results[0].data["text/plain"]) <= cell.metadata.nbgrader.points
    except (KeyError, ValueError, TypeError):
        return False


def _error(name: str, text: str) -> NotebookNode:
    return new_output("error", ename=name, evalue=text, traceback=[f"{name}: {text}"])
