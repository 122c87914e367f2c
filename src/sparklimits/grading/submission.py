"""Reads what was handed in: a notebook or a Python file, and the functions in it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from sparklimits.errors import SubmissionError
from sparklimits.grading.marks import name_of
from sparklimits.grading.reading import read_submission
from sparklimits.grading.recovery import check_version, recover, release_of, release_path
from sparklimits.grading.shell import run_cells
from sparklimits.machine import messages
from sparklimits.machine.paths import project_root
from sparklimits.measurement.lab import Lab


def reference_path(lab: Lab) -> Path:
    """The instructor's notebook of a lab, which holds the reference.

    Raises:
        SubmissionError: this is a student's copy, which has none.
    """
    path = _solution(lab)
    if not path.is_file():
        raise SubmissionError(messages.tell("no_reference", lab=lab.id, folder=path.parent.parent))
    return path


def _solution(lab: Lab) -> Path:
    return project_root() / "solutions" / lab.id / f"{lab.id}.ipynb"


def read_notebook(path: Path) -> NotebookNode:
    """A notebook of the course itself, in the current format, with its outputs.

    Raises:
        SubmissionError: no such file, or it is no notebook.
    """
    if not path.is_file():
        raise SubmissionError(messages.tell("file_missing", path=path))
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat raises a different error for each way of being broken
        raise SubmissionError(
            f"{path} is not a readable notebook ({type(error).__name__}). Open it in JupyterLab and save it "
            "again, or restore it with `sparklimits reset LAB`, which keeps a backup."
        ) from error


@dataclass(frozen=True)
class Loaded:
    """The lab's functions that were handed in; those that cannot be had, with the reason; what was done to get them."""

    functions: dict[str, Callable[..., Any]]
    absent: dict[str, str]
    said: list[str]


def load_solution(path: Path, lab: Lab) -> Loaded:
    """The lab's functions as ``path`` defines them. Each stands or falls alone.

    From a notebook only the cells named like the functions are run, so they may use nothing else of it; a
    Python file is run as a whole. A notebook is compared with the release first.

    Raises:
        SubmissionError: unreadable, or none of the functions can be had.
    """
    said: list[str] = []
    if path.suffix == ".py":
        if not path.is_file():
            raise SubmissionError(messages.tell("file_missing", path=path))
        namespace = _run_file(path)
        errors: dict[str, str] = {}
    else:
        notebook, said = recovered(path, lab)
        cells = {name_of(cell): cell.source for cell in notebook.cells if cell.cell_type == "code"}
        if missing := [name for name in lab.names if name not in cells]:
            raise SubmissionError(messages.tell("cell_unknown", name=path.name, cells=", ".join(missing)))
        namespace, errors = run_cells({name: cells[name] for name in lab.names}, path.resolve().parent)
    functions = {name: namespace[name] for name in lab.names if callable(namespace.get(name))}
    absent = {
        name: f"{path.name}, {name}: {errors[name]}"
        if name in errors
        else f"{path.name} does not define {name}"
        for name in lab.names
        if name not in functions
    }
    if not functions:
        reason = "; ".join(absent.values()).rstrip(".")
        raise SubmissionError(messages.tell("no_function", lab=lab.id, reason=reason))
    return Loaded(functions, absent, said)


def recovered(path: Path, lab: Lab) -> tuple[NotebookNode, list[str]]:
    """A lab's notebook as it can be graded, and what was done to it; the instructor's own is left as it is.

    Raises:
        SubmissionError: unreadable, another version or another lab.
    """
    notebook, said = read_submission(path)
    if not release_path(lab.id).is_file() or path.resolve() == _solution(lab).resolve():
        check_version(notebook, path.name)
        return notebook, said
    notebook, more = recover(notebook, release_of(lab.id), path.name)
    return notebook, said + more


def load_functions(path: Path, lab: Lab) -> dict[str, Callable[..., Any]]:
    """All functions of the lab as ``path`` defines them, by name.

    Raises:
        SubmissionError: unreadable, a cell is missing, a cell fails, or a function is not defined.
    """
    loaded = load_solution(path, lab)
    if loaded.absent:
        raise SubmissionError(f"{'; '.join(loaded.absent.values())}.")
    return loaded.functions


def _run_file(path: Path) -> dict[str, Any]:
    # Spark ships functions of __main__ to the executors by value; those of another module it would import there.
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(sys.stderr):
        try:
            exec(compile(path.read_bytes(), str(path), "exec"), namespace)
        except SystemExit:  # `sys.exit(main())` at its end: the functions above it are there
            pass
        except Exception as error:
            raise SubmissionError(f"{path.name}: {type(error).__name__}: {error}") from error
    return namespace
