"""The process that grades one submission: what a student wrote runs in sandboxes below it, and goes with it.

It is started by :mod:`sparklimits.grading.batch.start`, with a folder to write its outcome to.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import time
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import IgnorePattern
from nbgrader.utils import is_grade
from traitlets.config import Config

from sparklimits.errors import MachineError, SparkLimitsError, SubmissionError
from sparklimits.grading import hints, nbgrader_settings
from sparklimits.grading.batch import instructor
from sparklimits.grading.batch.machine import described
from sparklimits.grading.batch.outcome import GRADED, REFUSED, UNFIT, Outcome
from sparklimits.grading.batch.tasks import Task, conditions_of, content_of
from sparklimits.grading.check import Mark, mark
from sparklimits.grading.marks import name_of
from sparklimits.grading.reading import read_submission
from sparklimits.grading.recovery import recover, release_of
from sparklimits.grading.sandboxed import SandboxedExecute
from sparklimits.machine.scale import CLOCKED, scale_from_environment
from sparklimits.measurement.result import Result


def main(arguments: list[str]) -> int:
    """Grades one notebook; the exit code is 0 when the outcome is written."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("lab")
    parser.add_argument("content")
    parser.add_argument("conditions")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cores", default="")
    options = parser.parse_args(arguments)
    if options.cores:  # every process below it inherits them
        os.sched_setaffinity(0, set(map(int, options.cores.split(","))))
    began = time.monotonic()
    task = Task("", options.lab, str(options.path), options.content, options.conditions)
    outcome, notebook = attempt(task)
    if notebook is not None:
        nbformat.write(notebook, options.folder / "graded.ipynb")
    outcome = Outcome(**{**vars(outcome), "seconds": time.monotonic() - began, "machine": described()})
    # Whole or not at all: the reader looks for this name.
    unfinished = options.folder / "outcome.part"
    unfinished.write_text(outcome.as_text(), "utf-8")
    unfinished.rename(options.folder / "outcome.json")
    return 0


def attempt(task: Task) -> tuple[Outcome, NotebookNode | None]:
    """Grades a notebook as nbgrader's autograding does; the notebook with its outputs, if it came to that."""
    path = Path(task.path)
    try:
        if content_of(path) != task.content:
            return Outcome(
                UNFIT, [f"{path} was changed while the batch ran. Run the same command again."]
            ), None
        if (here := conditions_of(task.lab)) != task.conditions:
            reason = f"The course differs between machines ({task.conditions}; on {platform.node()}: {here})."
            return Outcome(UNFIT, [f"{reason} Each needs the same, and the same SPARKLIMITS_SCALE."]), None
        return _graded(path, task.lab)
    except SubmissionError as error:
        return Outcome(REFUSED, [str(error)]), None
    except OSError as error:
        return Outcome(UNFIT, [f"{error.filename or path} cannot be read here ({error.strerror})."]), None
    except (MachineError, SparkLimitsError) as error:
        return Outcome(UNFIT, [str(error)]), None


def _graded(path: Path, lab_id: str) -> tuple[Outcome, NotebookNode]:
    notebook, said = read_submission(path)
    notebook, more = recover(notebook, release_of(lab_id), path.name)
    instructor.put_in(notebook, lab_id)
    rungs = hints.opened(notebook)
    config = Config()
    nbgrader_settings.apply(config)
    step = SandboxedExecute(config=config)
    resources = {"metadata": {"path": str(path.resolve().parent)}, "unique_key": lab_id, "progress": _told}
    notebook, resources = step(notebook, resources)
    notebook, _ = IgnorePattern(config=config)(notebook, resources)
    marks = [mark(cell, hints.beside(name_of(cell), rungs)) for cell in notebook.cells if is_grade(cell)]
    return _outcome(marks, step.result, [*said, *more]), notebook


def _outcome(marks: list[Mark], result: Result | None, said: list[str]) -> Outcome:
    reasons = list(result.reasons) if result else []
    reasons += [
        f"{one.cell}: {one.text}"
        for one in marks
        if one.points is not None and one.points < one.most and one.text
    ]
    verdict = result.verdict if result else ""
    return Outcome(
        GRADED,
        [*reasons, *said],
        {one.cell: None if one.points is None else float(one.points) for one in marks},
        {one.cell: float(one.most) for one in marks},
        verdict,
        result.speedup if result and not math.isnan(result.speedup) else None,
        # Where the size of the data is the reason, another attempt decides no more.
        again=verdict == "inconclusive"
        and (scale_from_environment() >= CLOCKED or not (result and result.pairs)),
    )


def _told(message: str) -> None:
    print(message, flush=True)
