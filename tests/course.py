"""A course in a temporary folder: release, submissions, nbgrader's autograding and feedback, headless."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from tests.submissions import LAB, ROOT


class Course:
    """An instructor's folder with the real sources and settings of these labs, in ``folder``."""

    def __init__(self, folder: Path, *labs: str) -> None:
        self.folder = folder
        self.submissions: dict[str, NotebookNode] = {}
        shutil.copy(ROOT / "nbgrader_config.py", folder)
        for lab in labs:
            shutil.copytree(ROOT / "solutions" / lab, folder / "solutions" / lab)
            self.nbgrader("generate_assignment", lab, "--force")

    def nbgrader(self, *arguments: str, check: bool = True, scale: float = 1.0) -> str:
        """Runs an nbgrader command on data of this scale; its output. With ``check``, a failure is an error."""
        environment = {**os.environ, "SPARKLIMITS_HOME": str(self.folder), "SPARKLIMITS_SCALE": str(scale)}
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *arguments],
            cwd=self.folder, env=environment, text=True, capture_output=True, timeout=3600,
        )  # fmt: skip
        if check and done.returncode:
            raise AssertionError(f"nbgrader {' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr

    def submit(self, submissions: Mapping[str, NotebookNode], lab: str = LAB) -> None:
        """Puts each student's notebook where nbgrader collects them."""
        self.submissions.update(submissions)
        for student, notebook in submissions.items():
            place = self.folder / "submitted" / student / lab
            place.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, place / f"{lab}.ipynb")

    def scores(self, student: str, lab: str = LAB) -> dict[str, float]:
        """The automatic score of each graded cell."""
        with Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}") as gradebook:
            notebook = gradebook.find_submission_notebook(lab, lab, student)
            return {grade.name: grade.auto_score for grade in notebook.grades if grade.auto_score is not None}
