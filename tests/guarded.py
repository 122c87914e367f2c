"""A small course that attacks are let loose on, and what of it, or of this machine, has changed afterwards.

It has a gradebook with a neighbour's marks, a neighbour's submission and feedback, solutions, a history in git, the
home of whoever grades, a server that has answers, and a process with a secret that belongs to the course.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import os
import re
import secrets
import shutil
import site
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil
from nbgrader.api import Gradebook
from traitlets.config import Config

import sparklimits
from sparklimits.grading import nbgrader_settings
from tests.marks import most
from tests.submissions import ROOT, reference, released, shortened
from tests.submissions.hostile import LAB, Surroundings

NEIGHBOUR = "neighbour"
#: The neighbour's marks, by the graded cells of code.
MARKS = {
    "prediction_points": 1.0, "questions_points": 1.0, "fit_in_parallel_points": 4.0, "ratio_points": 5.0,
    "bottleneck_points": 3.0,
}  # fmt: skip
#: What Jupyter, Matplotlib and Java leave in the home of whoever uses them.
_USUAL = re.compile(
    r"\.(cache|java|ipython/(?!profile_default/startup/00)|local/share/jupyter|config/matplotlib)\b"
)
#: Seconds for a process that is being ended.
_GRACE = 5


def furnish(folder: Path) -> None:
    """Puts the course into this folder, as far as it is not there."""
    shutil.copytree(ROOT / "solutions" / LAB, folder / "solutions" / LAB, dirs_exist_ok=True)
    shutil.copytree(ROOT / "labs" / LAB, folder / "labs" / LAB, dirs_exist_ok=True)
    (folder / "home").mkdir(exist_ok=True)
    (folder / "home" / ".bashrc").write_text("# the grader's own\n")
    theirs = nbformat.writes(shortened(reference(LAB)))
    for place in ("submitted", "autograded", "feedback"):
        (folder / place / NEIGHBOUR / LAB).mkdir(parents=True, exist_ok=True)
    for place in ("submitted", "autograded"):
        (folder / place / NEIGHBOUR / LAB / f"{LAB}.ipynb").write_text(theirs)
    shown = "".join(f"<pre>{cell.source}</pre>" for cell in reference(LAB).cells if cell.cell_type == "code")
    (folder / "feedback" / NEIGHBOUR / LAB / f"{LAB}.html").write_text(f"<html>{shown}</html>")
    nbgrader_settings.apply(Config())  # the gradebook calls a program of this environment by its name
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as gradebook:
        gradebook.update_or_create_assignment(LAB)
        gradebook.update_or_create_notebook(LAB, LAB)
        for name, points in most(released(LAB)).items():
            gradebook.update_or_create_grade_cell(name, LAB, LAB, max_score=points, cell_type="code")
        gradebook.update_or_create_student(NEIGHBOUR)
        gradebook.update_or_create_submission(LAB, NEIGHBOUR)
        for grade in gradebook.find_submission_notebook(LAB, LAB, NEIGHBOUR).grades:
            grade.auto_score = MARKS.get(grade.name)
        gradebook.db.commit()
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@localhost", "-C", str(folder)]
    if shutil.which("git") and not (folder / ".git").exists():
        for words in (["init", "-q"], ["add", "solutions"], ["commit", "-q", "-m", "the solution"]):
            subprocess.run([*git, *words], check=True, capture_output=True)


class _Answers(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        name = self.path.strip("/")
        cells = [cell.source for cell in reference(LAB).cells if f"def {name}(" in cell.source]
        self.send_response(200 if cells else 404)
        self.end_headers()
        self.wfile.write((cells or [""])[0].encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def files(folder: Path) -> dict[str, str]:
    """All files below a folder, by a hash of their bytes; links by where they lead."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = f"link to {path.readlink()}"
        elif path.is_file():
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def running(word: str) -> list[psutil.Process]:
    """The processes whose command has this word."""
    return [
        one
        for one in psutil.process_iter(["cmdline"])
        if word in " ".join(one.info["cmdline"] or ()) and one.pid != os.getpid()
    ]


@dataclass
class Guard:
    """What must be the same after an attack as before.

    ``packages`` are the folders of the course's package and of the environment that the attack would reach.
    """

    there: Surroundings
    packages: tuple[Path, ...] = (Path(sparklimits.__file__).parent,)
    environments: tuple[Path, ...] = field(default_factory=lambda: tuple(map(Path, site.getsitepackages())))

    def __post_init__(self) -> None:
        self._before = self._state()
        self._victim = subprocess.Popen(
            ["sleep", "7200"], cwd=self.there.course, env={"PASSWORD": "8710622"}, start_new_session=True
        )

    def harm(self) -> list[str]:
        """What is not as it was, a few words each; what was left running is ended."""
        found = []
        after = self._state()
        for name, before in self._before.items():
            if after[name] != before:
                found.append(name)
        if self._victim.poll() is not None or self._victim_stopped():
            found.append("a process of the course")
        self._victim.kill()
        self._victim.wait()
        deadline = time.monotonic() + _GRACE
        while (left := running(self.there.word)) and time.monotonic() < deadline:
            time.sleep(0.05)
        if left:
            found.append("left running")
        for one in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        for place in (*self.packages, *self.environments):
            for mark in (
                place.rglob("left_by_a_notebook*") if place in self.packages else place.glob("left_by_*")
            ):
                shutil.rmtree(mark) if mark.is_dir() else mark.unlink()
        return found

    def _victim_stopped(self) -> bool:
        status = Path(f"/proc/{self._victim.pid}/status").read_text() if os.path.exists("/proc/self") else ""
        return bool(re.search(r"^TracerPid:\s*[1-9]", status, re.MULTILINE))

    def _state(self) -> dict[str, object]:
        course = self.there.course
        return {
            "the gradebook": self._gradebook(),
            "a neighbour's files": {
                place: files(course / place / NEIGHBOUR) for place in ("submitted", "autograded", "feedback")
            },
            "the release": [files(course / place) for place in ("solutions", "labs")],
            "the grader's home": self._home(),
            "the package": [
                {name: value for name, value in files(one).items() if "__pycache__" not in name}
                for one in self.packages
            ],
            "the environment": [sorted(os.listdir(one)) if one.is_dir() else [] for one in self.environments],
        }

    def _home(self) -> object:
        return files(self.there.home)

    def _gradebook(self) -> object:
        return hashlib.sha256((self.there.course / "gradebook.db").read_bytes()).hexdigest()


class MarksGuard(Guard):
    """The same where grading is a program of its own, which writes into the gradebook and uses the home.

    A neighbour's marks stay, and no person gave others.
    """

    def _home(self) -> object:
        return {name: told for name, told in files(self.there.home).items() if not _USUAL.match(name)}

    def _gradebook(self) -> object:
        try:
            with Gradebook(f"sqlite:///{self.there.course / 'gradebook.db'}") as gradebook:
                return sorted(
                    (student, grade.name, str(grade.manual_score), grade.extra_credit)
                    + ((grade.auto_score,) if student == NEIGHBOUR else ())
                    for one in gradebook.assignment_submissions(LAB)
                    for student in (one.student.id,)
                    for grade in gradebook.find_submission_notebook(LAB, LAB, student).grades
                    if student == NEIGHBOUR or grade.manual_score is not None or grade.extra_credit
                )
        except Exception as error:  # a gradebook that is none any more
            return type(error).__name__


@contextlib.contextmanager
def course(folder: Path) -> Iterator[Surroundings]:
    """A furnished course in this folder, while its server runs."""
    furnish(folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield Surroundings(folder, server.server_port, f"left-running-{secrets.token_hex(8)}")
        finally:
            server.shutdown()
