"""What there is to grade below a folder: a task for each notebook, and a sentence for what cannot be one."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sparklimits import __version__, labs
from sparklimits.errors import SparkLimitsError
from sparklimits.grading import places
from sparklimits.grading.batch.instructor import fingerprint
from sparklimits.grading.reading import MOST_BYTES
from sparklimits.machine.scale import scale_from_environment

_KINDS = {
    stat.S_IFLNK: "a link: a link is not graded",
    stat.S_IFIFO: "a pipe, not a file",
    stat.S_IFSOCK: "a socket, not a file",
    stat.S_IFDIR: "a folder, not a file",
    stat.S_IFBLK: "a device, not a file",
    stat.S_IFCHR: "a device, not a file",
}


@dataclass(frozen=True)
class Task:
    """One version of one student's notebook of a lab, to be graded under these conditions.

    Attributes:
        student: the name of the student's folder.
        lab: the lab's id.
        path: the notebook.
        content: a hash of the file.
        conditions: what else the marks depend on: this package's version, the scale, the hidden tests.
    """

    student: str
    lab: str
    path: str
    content: str
    conditions: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What an outcome belongs to, wherever the file lies."""
        return self.student, self.lab, self.content, self.conditions


@dataclass
class Handed:
    """What lies in a folder of submissions.

    Attributes:
        tasks: what can be graded.
        refused: the reason, for each student and lab whose notebook cannot even be opened.
        students: their names.
        labs: the labs that anybody handed in.
        said: sentences on files that were found elsewhere, or left out.
        notes: those of them that are about one student's lab.
    """

    tasks: list[Task] = field(default_factory=list)
    refused: dict[tuple[str, str], str] = field(default_factory=dict)
    students: list[str] = field(default_factory=list)
    labs: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    notes: dict[tuple[str, str], list[str]] = field(default_factory=dict)


def collect(submitted: Path) -> Handed:
    """Looks through ``submitted/<student>/<lab>/<lab>.ipynb``, and for notebooks that lie beside their place.

    Raises:
        SparkLimitsError: there is no such folder, or nothing to grade in it.
    """
    if not submitted.is_dir():
        raise SparkLimitsError(
            f"There is no folder {submitted}. Name the one that holds a folder for each student, nbgrader's submitted/."
        )
    found = Handed()
    try:
        folders = [
            one
            for one in sorted(submitted.iterdir())
            if one.is_dir() and not one.name.startswith((".", "__MACOSX"))
        ]
    except OSError as error:
        raise SparkLimitsError(f"{submitted} cannot be read ({error.strerror}).") from error
    conditions = {lab_id: conditions_of(lab_id) for lab_id in labs.ids()}
    for folder in folders:
        if folder.name not in labs.ids():
            found.students.append(printable(folder.name))
            for lab_id in labs.ids():
                _look(found, folder, lab_id, conditions[lab_id])
    for lab_id in labs.ids():
        found.said += places.without_student(submitted, lab_id)
    touched = {task.lab for task in found.tasks} | {lab_id for _, lab_id in found.refused}
    found.labs = [lab_id for lab_id in labs.ids() if lab_id in touched]
    found.said += [sentence for notes in found.notes.values() for sentence in notes]
    if not found.labs:
        hint = " ".join(found.said[:3]) or f"Each belongs at {submitted}/STUDENT/LAB/LAB.ipynb."
        raise SparkLimitsError(f"There is no notebook of a lab to grade in {submitted}. {hint}")
    return found


def printable(name: str) -> str:
    """A name as text, also one from a disk whose names are in another encoding."""
    return name.encode("utf-8", "backslashreplace").decode()


def conditions_of(lab_id: str) -> str:
    """What the marks of a lab depend on besides the notebook: whoever changes one of these wants other marks."""
    return f"{__version__}, scale {scale_from_environment():g}, tests {fingerprint(lab_id)}"


def content_of(path: Path) -> str:
    """A hash of a file; of one that is too large to be graded, its size.

    Raises:
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        return f"{size} bytes"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _look(found: Handed, folder: Path, lab_id: str, conditions: str) -> None:
    path: Path | None
    student, wanted = printable(folder.name), folder / lab_id / f"{lab_id}.ipynb"
    try:
        for path in (wanted.parent, wanted):
            if reason := _odd(path, path == wanted):
                found.refused[student, lab_id] = f"{path} is {reason}. Put the student's own file there."
                return
        path, left = places.of_student(folder, lab_id)
        notes = list(_notes(path, wanted, left))
        if path is not None:
            found.tasks.append(Task(student, lab_id, str(path), content_of(path), conditions))
        elif wanted.parent.is_dir():
            found.refused[student, lab_id] = f"There is no notebook of {lab_id} {places.without(wanted)}"
        if notes:
            found.notes[student, lab_id] = notes
    except OSError as error:
        found.refused[student, lab_id] = f"{error.filename or wanted} cannot be read ({error.strerror})."


def _odd(path: Path, is_file: bool) -> str:
    """What stands in the place of a file, or of a folder; empty for the right thing, or nothing."""
    try:
        kind = stat.S_IFMT(path.lstat().st_mode)
    except FileNotFoundError:
        return ""
    if kind == (stat.S_IFREG if is_file else stat.S_IFDIR):
        return ""
    return "a file, not a folder" if kind == stat.S_IFREG else _KINDS.get(kind, "no ordinary file")


def _notes(path: Path | None, wanted: Path, left: list[Path]) -> Iterator[str]:
    if path is not None and path != wanted:
        yield f"{path} is graded: there is no {wanted}."
    for one in left:
        yield f"{one} is left out: {path or 'another one'} is graded."
