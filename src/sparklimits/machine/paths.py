"""Where things lie: the project's root, and one private scratch folder for each process."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path

from sparklimits.errors import MachineError

#: Free space below which no cluster is started: shuffle files of the largest lab stay under half of it.
MIN_FREE_BYTES = 1_000_000_000
_LOCK = "lock"


def project_root() -> Path:
    """The folder that holds ``labs/``: ``SPARKLIMITS_HOME``, or the nearest one above the current folder.

    Where neither exists it is the checkout that this package lies in: a course that is shared, while the user stands
    in a folder of their own. For a package that is used alone, it is the current folder.
    """
    if home := os.environ.get("SPARKLIMITS_HOME"):
        return Path(home).resolve()
    here, source = Path.cwd().resolve(), Path(__file__).resolve().parents[3]
    return next((folder for folder in (here, *here.parents, source) if _is_course(folder)), here)


def work_folder() -> Path:
    """Where the student's copies are: ``SPARKLIMITS_WORK``, or ``work/`` in the course's folder.

    Where that folder is somebody else's, its guests have a folder each in their homes, also where all may write.
    """
    if chosen := os.environ.get("SPARKLIMITS_WORK"):
        return Path(chosen).expanduser().resolve()
    work = project_root() / "work"
    return work if _mine(work) else Path(os.path.expanduser("~")) / "sparklimits"


def _is_course(folder: Path) -> bool:
    return (folder / "labs").is_dir() and (folder / "nbgrader_config.py").is_file()


def _mine(folder: Path) -> bool:
    """Whether this user may write there, and is not the guest of another one who shares the folder."""
    place = next(one for one in (folder, *folder.parents) if one.exists())
    return os.access(place, os.W_OK) and os.geteuid() in (0, place.stat().st_uid)


def _base() -> Path:
    """Where the scratch folders lie: never in a folder that is no course. It may be the one that is handed in."""
    if named := os.environ.get("SPARKLIMITS_TMP"):
        return Path(named)
    root = project_root()
    if ("SPARKLIMITS_HOME" in os.environ or _is_course(root)) and _mine(root / ".sparklimits"):
        return root / ".sparklimits"
    return Path(os.path.expanduser("~")) / ".cache" / "sparklimits"


@cache
def scratch() -> Path:
    """This process's own folder for everything temporary; it is removed when the process ends.

    It lies under ``SPARKLIMITS_TMP``, the course's ``.sparklimits/`` or the user's cache. Folders whose process is dead
    (a killed kernel leaves one) are removed on the way.

    Raises:
        MachineError: the folder cannot be written, or its disk is nearly full.
    """
    base = _base()
    remedy = "Free some space, or set SPARKLIMITS_TMP to a folder on another disk."
    try:
        base.mkdir(parents=True, exist_ok=True)
        _remove_orphans(base)
        free = shutil.disk_usage(base).free
        if free < MIN_FREE_BYTES:
            raise MachineError(
                f"The disk under {base} has {free / 1e6:,.0f} MB left; a lab needs "
                f"{MIN_FREE_BYTES / 1e6:,.0f} MB for its temporary files. {remedy}"
            )
        folder = _locked_folder(base)
        plain = _plain(folder)
    except OSError as error:
        raise MachineError(
            f"Cannot write temporary files under {base} ({error.strerror}). {remedy}"
        ) from error
    atexit.register(_remove, folder, os.getpid())
    return plain


def _locked_folder(base: Path) -> Path:
    """A new folder with a lock in it that this process holds as long as it lives: the kernel lets go of it.

    A process number would not do: on another host, or in a container, the same number is another process, or none.
    """
    handle, waiting = tempfile.mkstemp(prefix=".lock-", dir=base)
    with contextlib.suppress(
        OSError
    ):  # a file system without locks: nobody will take the folder for an orphan
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=base))
        os.rename(waiting, folder / _LOCK)  # locked before it is there to be tried
    except OSError:
        os.unlink(waiting)
        raise
    return folder


def _plain(folder: Path) -> Path:
    """The folder by a path that all of Spark can read: a link to it, where its own path is not plain.

    A colon parts a class path, a comma a list of folders, and `[2026]` or `{a,b}` is a pattern to Hadoop.
    """
    if re.fullmatch(r"[\w./+-]{1,150}", str(folder), re.ASCII):
        return folder
    place = Path(tempfile.mkdtemp(prefix="sparklimits-"))
    (folder / _LOCK).write_text(str(place), "utf-8")  # so that it is found when this process was killed
    link = place / "scratch"
    link.symlink_to(folder, target_is_directory=True)
    return link


def _remove(folder: Path, owner: int) -> None:
    # A forked child inherits the exit handler; only the process that made the folder may remove it.
    if os.getpid() == owner:
        _remove_with_link(folder)


def _remove_with_link(folder: Path) -> None:
    with contextlib.suppress(OSError):
        if place := (folder / _LOCK).read_text("utf-8"):
            shutil.rmtree(place, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _remove_orphans(base: Path) -> None:
    for folder in base.iterdir():
        # Only what was named above: a folder that somebody chose may hold other things.
        if re.fullmatch(r"[1-9][0-9]{0,9}-[a-z0-9_]{8}", folder.name) and _let_go(folder / _LOCK):
            _remove_with_link(folder)


def _let_go(lock: Path) -> bool:
    """Whether nobody holds this lock any more. One that is not there yet, or cannot be asked, counts as held."""
    try:
        with lock.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
