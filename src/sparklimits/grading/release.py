"""The student bundle: all that a student needs, and nothing that only an instructor may see."""

from __future__ import annotations

import zipfile
from pathlib import Path

import nbformat

from sparklimits import __version__
from sparklimits.errors import SubmissionError
from sparklimits.paths import project_root

#: What goes in. ``solutions/`` (answers, hidden tests and seeds), ``tests/`` (whole submissions) and
#: ``benchmarks/`` stay with the instructor.
CONTENT = (
    "README.md", "Makefile", "pyproject.toml", "constraints.txt", "environment.yml",
    "nbgrader_config.py", "course", "datasets", "docker", "labs", "src", "tools",
)  # fmt: skip
_NEVER = ("BEGIN SOLUTION", "BEGIN HIDDEN TESTS", "BEGIN MARK SCHEME")
_SKIP = ("__pycache__", ".ipynb_checkpoints", ".egg-info")


def write_bundle(target: Path | None = None) -> Path:
    """Writes ``dist/sparklimits-<version>.zip`` and returns its path.

    Raises:
        SubmissionError: a notebook in ``labs/`` still holds an answer or a hidden test.
    """
    root = project_root()
    name = f"sparklimits-{__version__}"
    target = target or root / "dist" / f"{name}.zip"
    target.parent.mkdir(parents=True, exist_ok=True)
    files = [path for entry in CONTENT for path in _files(root / entry)]
    for path in files:
        if path.suffix == ".ipynb":
            _refuse_answers(path)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bundle:
        for path in files:
            bundle.write(path, Path(name) / path.relative_to(root))
    return target


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
        for marker in _NEVER:
            if marker in cell.source:
                raise SubmissionError(
                    f"{path} still holds '{marker}': make the student copies again with "
                    f"`nbgrader generate_assignment {path.stem} --force`."
                )
