"""Where things lie: the project's root, the student's copies, and one private scratch folder for each process."""

from __future__ import annotations

import atexit
import errno
import os
import stat
import tempfile
from functools import cache
from pathlib import Path

from sparklimits.errors import MachineError
from sparklimits.machine import limits, locked, messages, places

#: Free space below which no cluster is started: shuffle files of the largest lab stay under half of it.
MIN_FREE_BYTES = 1_000_000_000


def project_root() -> Path:
    """The folder that holds ``labs/``: ``SPARKLIMITS_HOME``, or the nearest one above the current folder.

    Where neither exists it is the checkout that this package lies in: a course that is shared, while the user stands
    in a folder of their own. For a package that is used alone, it is the current folder.
    """
    if home := os.environ.get("SPARKLIMITS_HOME"):
        return Path(home).resolve()
    here, source = Path.cwd().resolve(), Path(__file__).resolve().parents[3]
    return next((folder for folder in (here, *here.parents, source) if _is_course(folder)), here)


def _is_course(folder: Path) -> bool:
    return (folder / "labs").is_dir() and (folder / "nbgrader_config.py").is_file()


def work_folder() -> Path:
    """Where the student's copies are: ``SPARKLIMITS_WORK``, or ``work/`` in the course's folder.

    Where that folder is somebody else's, its guests have a folder each in their homes, also where all may write.
    """
    if chosen := os.environ.get("SPARKLIMITS_WORK"):
        return Path(chosen).expanduser().resolve()
    work = project_root() / "work"
    return work if _mine(work) else Path(os.path.expanduser("~")) / "sparklimits"


def _mine(folder: Path) -> bool:
    """Whether this user may write there, and is not the guest of another one who shares the folder."""
    place = next(one for one in (folder, *folder.parents) if one.exists())
    return os.access(place, os.W_OK) and os.geteuid() in (0, place.stat().st_uid)


@cache
def scratch() -> Path:
    """This process's own folder for everything temporary; it is removed when the process ends.

    It lies under the first of :func:`bases` that can be written. Folders whose process is dead (a killed kernel leaves
    one) are removed on the way.

    Raises:
        MachineError: the folder cannot be written, or its disk is nearly full.
    """
    refused: MachineError | None = None
    for base in bases():
        try:
            folder = _made(base)
            plain = _plain(folder)
        except MachineError as error:
            refused = refused or error
            continue
        atexit.register(_remove, folder, os.getpid())
        return plain
    raise refused or MachineError(messages.tell("cannot_write", path="/tmp", reason="no folder"))


def bases() -> list[Path]:
    """Where the scratch folder may lie, the preferred place first: ``SPARKLIMITS_TMP`` alone, where that is set.

    Else under the project's ``.sparklimits/``, or the user's own folder for what may be lost. In a folder that is no
    course's nothing is written: it may be the one that is handed in.
    """
    if named := os.environ.get("SPARKLIMITS_TMP"):
        return [Path(named)]
    root = project_root()
    own = [places.cache(), Path(tempfile.gettempdir()) / f"{places.PREFIX}{os.getuid()}"]
    course = "SPARKLIMITS_HOME" in os.environ or _is_course(root)
    return [root / ".sparklimits", *own] if course and _mine(root / ".sparklimits") else own


@cache
def programs() -> Path:
    """This process's own folder where links can be made and programs started: its scratch folder, if that will do.

    Raises:
        MachineError: there is no such place on this machine.
    """
    folder = scratch()
    if not _serves_programs(folder):
        folder = places.private(_serves_programs, "links can be made and programs started")
        _note_elsewhere(scratch(), folder)
    return folder


def mark_session(runs: bool) -> None:
    """Says in the scratch folder whether this process has a cluster, for :func:`others` in another one."""
    locked.note(scratch(), session=runs)


def others() -> int:
    """How many other processes have a cluster, of those whose scratch folders lie beside this one's."""
    mine = scratch().resolve()
    return sum(
        1
        for folder in mine.parent.iterdir()
        if folder != mine
        and locked.is_mine(folder)
        and locked.noted(folder).get("session")
        and locked.is_held(folder)
    )


def _serves_programs(folder: Path) -> bool:
    return places.can_link(folder) and places.can_execute(folder)


def _made(base: Path) -> Path:
    """A new scratch folder under this one."""
    try:
        _make_base(base)
        locked.remove_left(base)
        if (free := limits.disk(base)) < MIN_FREE_BYTES:
            raise MachineError(
                messages.tell("disk_nearly_full", path=base, free=free / 1e6, needed=MIN_FREE_BYTES / 1e6)
            )
        return locked.new(base)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise MachineError(messages.tell("not_yours_to_write", path=base)) from error
        raise MachineError(messages.tell("cannot_write", path=base, reason=error.strerror)) from error


def _make_base(base: Path) -> None:
    """Makes the folder for all scratch folders, as shared as the place where it lies: `/tmp` is everybody's."""
    if base.is_dir():
        if base.name.startswith(places.PREFIX) and base.stat().st_uid != os.geteuid():
            raise PermissionError(errno.EACCES, "it belongs to another user")
        return
    base.parent.mkdir(parents=True, exist_ok=True)
    base.mkdir(exist_ok=True)
    around = base.parent.stat().st_mode
    if around & stat.S_ISVTX and around & stat.S_IWOTH and "SPARKLIMITS_TMP" in os.environ:
        base.chmod(0o1777)


def _plain(folder: Path) -> Path:
    """The folder by a path that all of Spark can read: a link to it, where its own path is not plain."""
    if places.is_plain(folder):
        return folder
    place = places.private(places.can_link, "links can be made")
    _note_elsewhere(folder, place)
    link = place / "scratch"
    link.symlink_to(folder, target_is_directory=True)
    return link


def _note_elsewhere(folder: Path, place: Path) -> None:
    """So that it is found when this process was killed."""
    locked.note(folder, elsewhere=[*locked.noted(folder).get("elsewhere", ()), str(place)])


def _remove(folder: Path, owner: int) -> None:
    # A forked child inherits the exit handler; only the process that made the folder may remove it.
    if os.getpid() == owner:
        locked.remove(folder)
