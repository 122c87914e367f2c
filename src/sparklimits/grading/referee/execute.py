"""nbgrader's step that runs a notebook, with the referee's marks in the place of the kernel's."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode

from sparklimits import labs
from sparklimits.grading.execution import PatientExecute
from sparklimits.grading.marks import OURS, name_of
from sparklimits.grading.recovery import release_of
from sparklimits.grading.referee import points
from sparklimits.grading.referee.launcher import Launched, plain
from sparklimits.grading.referee.notebook import PROVE, Marks
from sparklimits.machine.paths import scratch
from sparklimits.machine.scale import scale_from_environment
from sparklimits.measurement.result import REFEREED, Result


class RefereedExecute(PatientExecute):
    """Runs a lab's notebook for its answers and pictures. Its score comes from the referee.

    A notebook of no lab, or of one that measures nothing, is graded by its kernel.
    """

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict, km: Any = None
    ) -> tuple[NotebookNode, ResourcesDict]:
        """The notebook with its outputs.

        Raises:
            MachineError, SubmissionError: see :class:`~sparklimits.grading.execution.PatientExecute`.
        """
        self._handed: Path | None = None
        #: What the referee found, for those who grade; None for a notebook that measures nothing.
        self.result: Result | None = None
        self._marks = _marks(nb, str(resources.get("unique_key", "")))
        if self._marks is None:
            return super().preprocess(nb, resources, km)
        self._answers: dict[str, dict[str, Any]] = {}
        told = resources.get("progress", self.log.info)
        judged = self._marks.judge(scale_from_environment(), self.launch, told)
        self.result = judged.final
        self._handed = scratch() / f"refereed-{os.urandom(8).hex()}"
        # Ours, for a kernel: nothing of a kernel is ever unpickled.
        self._handed.write_bytes(pickle.dumps(judged.result))
        told("running the notebook from top to bottom")
        try:
            nb, resources = super().preprocess(nb, resources, km)
        finally:
            self._handed.unlink(missing_ok=True)
        self._marks.finish(judged, self._answers)
        nb.metadata[OURS] = {**nb.metadata.get(OURS, {}), "verdict": judged.final.verdict}
        return nb, resources

    def launch(self, command: Sequence[str], variables: Mapping[str, str], folder: Path) -> Launched:
        """Starts a process of the referee's: here with the rights of whoever grades, as it is their own notebook."""
        return plain(command, variables, folder)

    def variables(self) -> dict[str, str]:
        """What the kernel gets; one whose notebook the referee grades is told where the result is."""
        told = {REFEREED: str(self._handed)} if self._handed is not None else {}
        return {**super().variables(), **told}

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Runs a cell. Of a graded one that the referee grades, the kernel is only asked for the answers."""
        if self._marks is None or (name := name_of(cell)) not in self._marks.graded:
            return super().preprocess_cell(cell, resources, index)
        if wanted := self._marks.wants(name):
            self._answers[name] = self._shown(wanted)
        return cell, resources

    def _shown(self, wanted: list[str]) -> dict[str, Any]:
        """Plain values of the kernel, by their names there; what is none is left out."""
        assert self.kc is not None
        request = self.kc.execute("", silent=True, user_expressions={name: name for name in wanted})
        reply = self.wait_for_reply(request) or {}
        found = reply.get("content", {}).get("user_expressions", {})
        texts = {name: one.get("data", {}).get("text/plain", "") for name, one in found.items()}
        return {name: points.value_of(str(text)) for name, text in texts.items()}


def _marks(notebook: NotebookNode, name: str) -> Marks | None:
    """The graded cells of a lab's notebook, where the lab measures something."""
    if name not in labs.ids():
        return None
    release = release_of(name)
    if not any(name_of(cell) == PROVE for cell in release.cells):
        return None
    return Marks(labs.find(name), release, notebook)
