"""The student bundle: all that a student needs, and nothing that only an instructor may see."""

from __future__ import annotations

import inspect
import zipfile
from pathlib import Path

import nbformat

from sparklimits import __version__, labs
from sparklimits.errors import SubmissionError
from sparklimits.grading.leaks import MARKERS, leaks, readable, secrets
from sparklimits.machine.paths import project_root

#: What goes in. ``solutions/`` (answers, hidden tests and seeds), ``tests/`` (whole submissions) and
#: ``benchmarks/`` stay with the instructor.
CONTENT = (
    "README.md", "Makefile", "pyproject.toml", "constraints.txt", "environment.yml",
    "nbgrader_config.py", "course", "datasets", "docker", "labs", "src", "tools",
)  # fmt: skip
_SKIP = ("__pycache__", ".ipynb_checkpoints", ".egg-info")


def write_bundle(target: Path | None = None) -> Path:
    """Writes ``dist/sparklimits-<version>.zip`` and returns its path.

    Raises:
        SubmissionError: an answer or a hidden test would go out with it.
    """
    root = project_root()
    name = f"sparklimits-{__version__}"
    target = target or root / "dist" / f"{name}.zip"
    target.parent.mkdir(parents=True, exist_ok=True)
    files = bundle_files(root)
    for path in files:
        if path.suffix == ".ipynb":
            _refuse_answers(path)
    if leaked := [leak for lab_id in labs.ids() for leak in leaked_from(lab_id, files)]:
        raise SubmissionError(f"The bundle would give answers away: {'; '.join(leaked)}.")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bundle:
        for path in files:
            bundle.write(path, Path(name) / path.relative_to(root))
    return target


def bundle_files(root: Path) -> list[Path]:
    """The files that go into the bundle."""
    return [path for entry in CONTENT for path in _files(root / entry)]


def leaked_from(lab_id: str, files: list[Path], top: Path | None = None) -> list[str]:
    """What of a lab's answers and hidden tests stands in these files, which lie below ``top``.

    Nothing where there are no solutions: a student may make a bundle too.
    """
    root = project_root()
    solution = root / "solutions" / lab_id / f"{lab_id}.ipynb"
    if not solution.is_file():
        return []
    naive = "\n".join(inspect.getsource(function) for function in labs.find(lab_id).naive.values())
    return list(leaks(secrets(nbformat.read(solution, as_version=4), naive), readable(files, top or root)))


def _files(entry: Path) -> list[Path]:
    if entry.is_file():
        return [entry]
    return [
        path
        for path in sorted(entry.rglob("*"))
        if path.is_file() and not any(part.endswith(_SKIP) for part in path.parts)
    ]


def _refuse_answers(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        for marker in MARKERS:
            if marker in cell.source:
                raise SubmissionError(
                    f"{path} still holds '{marker}': make the student copies again with "
                    f"`nbgrader generate_assignment {path.stem} --force`."
                )
