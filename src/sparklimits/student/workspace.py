"""The student's folder ``work/``: copies of the labs that are never overwritten."""

from __future__ import annotations

import shutil
import stat
import time
from importlib import resources
from pathlib import Path

from sparklimits import labs
from sparklimits.errors import MachineError, SparkLimitsError
from sparklimits.machine import messages
from sparklimits.machine.paths import project_root, work_folder

#: What JupyterLab's Validate button reads in ``work/``.
_CONFIG = resources.files("sparklimits") / "resources" / "work_nbgrader_config.py"


def prepare() -> Path:
    """Copies every lab that is not there yet to ``work/``, and the course's pages beside them; returns that folder.

    Raises:
        SparkLimitsError: there are no labs here, or the folder cannot be written.
    """
    released = project_root() / "labs"
    if not released.is_dir():
        raise SparkLimitsError(messages.tell("no_labs", folder=released))
    work = work_folder()
    try:
        _fill(work, released)
    except OSError as error:
        reason = error.strerror or error
        raise MachineError(messages.tell("work_not_writable", path=work, reason=reason)) from error
    return work


def _fill(work: Path, released: Path) -> None:
    work.mkdir(parents=True, exist_ok=True)
    (work / "nbgrader_config.py").write_text(_CONFIG.read_text("utf-8"))
    # JupyterLab opens nothing outside its folder. Nobody edits these pages, so they are as new each time.
    if (pages := released.parent / "course").is_dir():
        _copy(pages, work / "course")
    for lab in sorted(folder for folder in released.iterdir() if folder.is_dir()):
        if not lab.name.startswith((".", "_")) and not (work / lab.name).exists():
            # Under another name until it is whole: a copy that was interrupted is made again.
            unfinished = work / f".{lab.name}.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            _copy(lab, unfinished)
            unfinished.rename(work / lab.name)


def _copy(source: Path, target: Path) -> None:
    """A copy that may be written, also of what may not: a course that many share is often read-only."""
    ignored = shutil.ignore_patterns(".*", "__pycache__")
    shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True, copy_function=shutil.copyfile)
    for folder in (target, *(path for path in target.rglob("*") if path.is_dir())):
        folder.chmod(folder.stat().st_mode | stat.S_IRWXU)


def reset(lab_id: str) -> Path | None:
    """Restores a lab's copy; the one that was there is kept beside it. Returns the backup, if there was one.

    Raises:
        SparkLimitsError: there is no such lab.
    """
    labs.find(lab_id)
    if not (source := project_root() / "labs" / lab_id).is_dir():
        raise SparkLimitsError(messages.tell("no_labs", folder=source))
    work = work_folder()
    if not (work / lab_id).exists():
        prepare()
        return None
    backup = work / f"{lab_id}.backup-{time.strftime('%Y%m%d-%H%M%S')}"
    number = 1
    while backup.exists():
        number += 1
        backup = backup.with_name(f"{backup.name.split('+')[0]}+{number}")
    (work / lab_id).rename(backup)
    prepare()
    return backup
