"""Reads what was handed in: a notebook or a Python file, and the functions in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from sparklimits import __version__
from sparklimits.errors import SubmissionError
from sparklimits.machine.paths import project_root
from sparklimits.measurement.lab import Lab


def reference_path(lab: Lab) -> Path:
    """The instructor's notebook of a lab, which holds the reference.

    Raises:
        SubmissionError: this is a student's copy, which has none.
    """
    path = project_root() / "solutions" / lab.id / f"{lab.id}.ipynb"
    if not path.is_file():
        raise SubmissionError(
            f"There is no reference for {lab.id} here ({path.parent.parent} is the instructor's folder). Name "
            "your own notebook or file with --solution."
        )
    return path


def read_notebook(path: Path) -> NotebookNode:
    """The notebook, in the current format.

    Raises:
        SubmissionError: no such file, or it is no notebook.
    """
    if not path.is_file():
        raise SubmissionError(f"There is no file {path}.")
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat raises a different error for each way of being broken
        raise SubmissionError(
            f"{path} is not a readable notebook ({type(error).__name__}). Open it in JupyterLab and save it "
            "again, or restore it with `sparklimits reset LAB`, which keeps a backup."
        ) from error


def check_version(notebook: NotebookNode, path: Path) -> None:
    """Refuses a notebook that was made for another major version of this package.

    Raises:
        SubmissionError: naming the notebook and both versions.
    """
    made_for = str(notebook.metadata.get("sparklimits", {}).get("version", "unknown"))
    if made_for.split(".")[0] != __version__.split(".")[0]:
        raise SubmissionError(
            f"{path.name} was made for version {made_for} of sparklimits, and this is {__version__}: grade it "
            "with the version that it was made for."
        )


def load_functions(path: Path, lab: Lab) -> dict[str, Callable[..., Any]]:
    """The lab's functions as ``path`` defines them, by name.

    From a notebook only the cells named like the functions are run, so they may use nothing else of it; a
    Python file is run as a whole.

    Raises:
        SubmissionError: unreadable, a cell is missing, a cell fails, or a function is not defined.
    """
    names = list(lab.names)
    if path.suffix == ".py":
        if not path.is_file():
            raise SubmissionError(f"There is no file {path}.")
        pieces = {path.name: path.read_text(encoding="utf-8")}
    else:
        notebook = read_notebook(path)
        check_version(notebook, path)
        cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source for cell in notebook.cells}
        if missing := [name for name in names if name not in cells]:
            raise SubmissionError(
                f"{path.name} has no cell named {', '.join(missing)}: a cell was deleted. `sparklimits reset "
                f"{lab.id}` restores the notebook and keeps a backup to copy from."
            )
        pieces = {name: cells[name] for name in names}
    # Spark ships functions of __main__ to the executors by value; those of another module it would import there.
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for label, code in pieces.items():
        try:
            exec(compile(code, f"<{path.name}: {label}>", "exec"), namespace)
        except Exception as error:
            raise SubmissionError(f"{path.name}, {label}: {type(error).__name__}: {error}") from error
    if undefined := [name for name in names if not callable(namespace.get(name))]:
        raise SubmissionError(f"{path.name} does not define {', '.join(undefined)}.")
    return {name: namespace[name] for name in names}
