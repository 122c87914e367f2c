"""Which file is a lab's notebook: by what it opens, then by its name. Nothing is passed over in silence."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

from sparklimits import labs
from sparklimits.errors import SubmissionError
from sparklimits.grading.reading import read_submission
from sparklimits.grading.recovery import opens

#: How deep below a student's folder a notebook may lie.
_DEPTH = 5
#: Bytes of a notebook that is read as a whole for the lab that it opens, and of a larger one's beginning that is.
_WHOLE, _BEGINNING = 20_000_000, 2_000_000


def lab_of(path: Path) -> str:
    """The lab that a notebook belongs to: the one that it opens, or the one that its name names.

    Raises:
        SubmissionError: neither tells.
    """
    if lab_id := _lab_of(path):
        return lab_id
    raise SubmissionError(
        f"{path.name} is not named like a lab, and opens none; the labs are {', '.join(labs.ids())}. "
        "Rename the file to its lab."
    )


def _lab_of(path: Path) -> str:
    try:
        lab_id = opens(read_submission(path)[0]) if path.stat().st_size <= _WHOLE else _opened_at_first(path)
    except (SubmissionError, OSError):
        lab_id = ""
    if lab_id in labs.ids():
        return lab_id
    name = re.sub(r"[\W_]+", "", path.name.lower())
    named = [one for one in labs.ids() if one.replace("_", "") in name or name.startswith(one.split("_")[0])]
    return named[0] if len(named) == 1 else ""


def _opened_at_first(path: Path) -> str:
    """The lab that the beginning of a large file opens: whole ones would be parsed in the memory of whoever grades."""
    with path.open("rb") as file:
        found = re.search(rb"open_lab\(\s*\\?[\"'](\w+)", file.read(_BEGINNING))
    return found[1].decode() if found else ""


def best(candidates: Iterable[Path], lab_id: str) -> tuple[Path | None, list[Path]]:
    """The one to take of several notebooks of a lab, and the others.

    The file that is named like the lab; without one, that which was changed last.
    """
    there = sorted(
        candidates, key=lambda path: (path.name != f"{lab_id}.ipynb", -path.stat().st_mtime, path.name)
    )
    return (there[0], there[1:]) if there else (None, [])


def in_work(work: Path) -> tuple[list[Path], list[str]]:
    """A student's notebooks, one for each lab, and a sentence on each file that is none of them."""
    chosen, said = [], []
    folders = [work / lab_id for lab_id in labs.ids()]
    for folder in folders:
        lab_id, found = folder.name, _files(folder)
        path, others = best([one for one in found if one.stem == lab_id or _lab_of(one) == lab_id], lab_id)
        if path is not None:
            chosen.append(path)
        elif folder.is_dir():
            said.append(f"{folder} holds no notebook of {lab_id}: `sparklimits reset {lab_id}` gives one.")
        said += [f"{one} is left out, {path} is looked at." for one in others]
    said += [
        f"{one} is left out: it lies in no lab's folder. `sparklimits check FILE` looks at a single file."
        for one in _files(work)
        if not any(folder in one.parents for folder in folders)
    ]
    return chosen, said


def put_into_place(submitted: Path, lab_id: str, student: str = "*") -> tuple[list[Path], list[str]]:
    """Copies notebooks of a lab that lie elsewhere to where nbgrader looks for them; originals stay.

    Args:
        submitted: the folder that holds a folder for each student.
        lab_id: the lab.
        student: a pattern for students' names.

    Returns:
        the files that were put into place, and a sentence on each of these and on each that is left out.
    """
    placed, said = [], []
    for folder in sorted(one for one in submitted.iterdir() if one.is_dir()) if submitted.is_dir() else []:
        if folder.name.startswith(".") or not fnmatch(folder.name, student) or folder.name in labs.ids():
            continue
        wanted = folder / lab_id / f"{lab_id}.ipynb"
        path, left = of_student(folder, lab_id)
        if path is None:
            if wanted.parent.is_dir():
                said.append(f"{folder.name} has no notebook of {lab_id} {without(wanted)}")
            continue
        if path != wanted:
            try:
                wanted.parent.mkdir(exist_ok=True)
                shutil.copyfile(path, wanted)
            except OSError as error:
                said.append(
                    f"{path} cannot be copied to {wanted} ({error.strerror}): it gets no grade until you do."
                )
                continue
            placed.append(wanted)
            said.append(f"{path} lies where nbgrader does not look: it was copied to {wanted}.")
        said += [f"{one} is left out: {wanted.name} beside it is graded." for one in left]
    said += without_student(submitted, lab_id)
    return placed, said


def of_student(folder: Path, lab_id: str) -> tuple[Path | None, list[Path]]:
    """A student's notebook of a lab, wherever it lies in this folder of theirs, and others of the same lab.

    The one in its place, if there is one; links elsewhere are not looked at.
    """
    wanted = folder / lab_id / f"{lab_id}.ipynb"
    others_own = {
        folder / other
        for other in labs.ids()
        if other != lab_id and (folder / other / f"{other}.ipynb").is_file()
    }
    candidates = [
        path
        for path in _files(folder)
        if path == wanted
        or (
            not path.is_symlink()
            and not any(place in path.parents for place in others_own)
            and _lab_of(path) == lab_id
        )
    ]
    path, others = best([wanted] if wanted in candidates else candidates, lab_id)
    return path, [one for one in candidates if one not in (path, wanted)] if path else others


def without(wanted: Path) -> str:
    """The end of a sentence on a lab's folder without its notebook: what is there instead, and what to do."""
    there = ", ".join(sorted(one.name for one in wanted.parent.iterdir())) or "nothing"
    return f"in {wanted.parent} (there is {there}): it gets no grade. Put it there as {wanted.name}."


def odd_files(folder: Path) -> list[Path]:
    """What lies below a folder and is neither a file nor a folder: links, which may lead anywhere, pipes, devices."""
    return sorted(
        Path(place, name)
        for place, folders, files in os.walk(folder)
        for name in (*folders, *files)
        if stat.S_IFMT(os.lstat(os.path.join(place, name)).st_mode) not in (stat.S_IFREG, stat.S_IFDIR)
    )


def without_student(submitted: Path, lab_id: str) -> list[str]:
    """Notebooks that lie in no student's folder: nobody can know whose they are."""
    loose = [path for path in submitted.glob("*") if path.is_file()] if submitted.is_dir() else []
    loose += _files(submitted / lab_id)
    return [
        f"{path} lies in no student's folder: it gets no grade. Put it at {submitted}/STUDENT/{lab_id}/{lab_id}.ipynb."
        for path in loose
        if _is_notebook(path) and _lab_of(path) == lab_id
    ]


def _is_notebook(path: Path) -> bool:
    return bool(re.search(r"\.ipynb(\.(txt|json|bak))?$", path.name.lower()))


def _files(folder: Path) -> list[Path]:
    """The notebooks below a folder; what programs keep for themselves is not looked at."""
    found = []
    for place, folders, files in os.walk(folder):
        deep = len(Path(place).relative_to(folder).parts) + 1
        folders[:] = [name for name in folders if deep < _DEPTH and not _is_kept(name)]
        there = [Path(place, name) for name in files if not _is_kept(name)]
        found += [path for path in there if _is_notebook(path) and path.is_file()]
    return sorted(found)


def _is_kept(name: str) -> bool:
    return name.startswith((".", "__MACOSX"))
