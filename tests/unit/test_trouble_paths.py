"""Folders as people have them: shared, without links, not to be executed from, of another user, of another machine."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparklimits.errors import MachineError
from sparklimits.machine import locked, paths, places
from sparklimits.student import jupyter, workspace
from tests.submissions import ROOT


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a short name: from pytest's own, Spark would get a link. Nothing is remembered from before."""
    for function in (paths.scratch, paths.programs):
        monkeypatch.setattr(paths, function.__name__, function.__wrapped__)
    exits: list[tuple] = []
    monkeypatch.setattr(paths.atexit, "register", lambda *call: exits.append(call))
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
        for function, *arguments in exits:
            function(*arguments)


@pytest.fixture
def base(short: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPARKLIMITS_TMP", str(short / "scratch"))
    return short / "scratch"


def without_links(monkeypatch: pytest.MonkeyPatch, below: Path) -> None:
    """As on an exFAT stick: no link can be made below this folder."""
    real = Path.symlink_to

    def refuse(self: Path, *arguments: object, **options: object) -> None:
        if below in self.parents:
            raise OSError(errno.EPERM, "Operation not permitted")
        real(self, *arguments, **options)

    monkeypatch.setattr(Path, "symlink_to", refuse)


def without_programs(monkeypatch: pytest.MonkeyPatch, below: Path) -> None:
    """As on a disk that is mounted with noexec: no program below this folder starts."""
    real = subprocess.run

    def refuse(command: list[object], **options: object) -> object:
        if below in Path(str(command[0])).parents:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(command, **options)

    monkeypatch.setattr(places.subprocess, "run", refuse)


def test_links_and_programs_lie_with_the_rest_where_they_can(base: Path) -> None:
    assert paths.programs().parent == base


@pytest.mark.parametrize("lacking", [without_links, without_programs])
def test_what_a_folder_cannot_do_is_done_elsewhere_and_removed_with_it(
    base: Path, monkeypatch: pytest.MonkeyPatch, lacking
) -> None:
    lacking(monkeypatch, base)
    made = paths.scratch()
    monkeypatch.setattr(paths, "scratch", lambda: made)
    tools = paths.programs()
    assert base not in tools.parents
    assert places.can_link(tools)
    assert places.can_execute(tools)
    paths._remove(made, os.getpid())
    assert not tools.exists()


@pytest.mark.shows("no_place")
def test_where_nothing_serves_one_sentence_says_what_was_tried(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_links(monkeypatch, Path("/"))
    with pytest.raises(MachineError) as error:
        paths.programs()
    assert "No folder was found where links can be made and programs started" in str(error.value)
    assert "/var/tmp" in str(error.value)
    assert "Set TMPDIR" in str(error.value)


def test_a_place_with_a_name_that_spark_cannot_read_is_passed_over(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(short / "Jane Doe"))
    place = places.private(places.can_link, "links can be made")
    try:
        assert places.is_plain(place)
    finally:
        place.rmdir()


@pytest.mark.shows("not_yours_to_write")
def test_the_folder_of_another_user_is_named_with_the_way_out(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**options: object) -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(locked.tempfile, "mkstemp", refuse)
    with pytest.raises(MachineError, match=f"You may not write under {base}, .* a folder of your own"):
        paths.scratch()


@pytest.mark.shows("cannot_write")
def test_a_file_in_the_folders_place_is_named(base: Path) -> None:
    base.write_text("in the way")
    with pytest.raises(MachineError, match=f"Cannot write temporary files under {base}"):
        paths.scratch()


@pytest.mark.shows("disk_nearly_full")
def test_a_disk_without_room_is_named(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths.limits, "disk", lambda folder: 5_000_000)
    with pytest.raises(MachineError, match=f"The disk under {base} has 5 MB left"):
        paths.scratch()


def test_two_users_share_a_place_that_is_everybodys(base: Path) -> None:
    base.parent.chmod(0o1777)
    paths.scratch()
    assert stat.S_IMODE(base.stat().st_mode) == 0o1777


def test_a_place_of_ones_own_is_not_opened_to_others(base: Path) -> None:
    paths.scratch()
    assert not base.stat().st_mode & stat.S_IWOTH


def left(base: Path, **noted: object) -> Path:
    """A folder that a dead process has left."""
    folder = base / "4711-abcdefgh"
    folder.mkdir(parents=True)
    (folder / "lock").write_text(json.dumps(noted))
    return folder


def test_another_users_folders_are_left_alone(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = left(base)
    monkeypatch.setattr(locked.os, "geteuid", lambda: theirs.stat().st_uid + 1)
    locked.remove_left(base)
    assert theirs.exists()


def test_what_another_machine_left_goes_when_nobody_has_touched_it_for_days(base: Path) -> None:
    theirs = left(base, machine="a host that shares this home")
    locked.remove_left(base)
    assert theirs.exists(), "its lock may be one of that machine only"
    ago = time.time() - 3 * 86_400
    for path in (*theirs.iterdir(), theirs):
        os.utime(path, (ago, ago))
    locked.remove_left(base)
    assert not theirs.exists()


def test_a_lock_cannot_name_what_is_removed(base: Path, short: Path) -> None:
    precious = short / "thesis"
    precious.mkdir()
    left(base, elsewhere=[str(precious)])
    locked.remove_left(base)
    assert list(base.iterdir()) == []
    assert precious.exists()


def test_nothing_temporary_lies_in_a_folder_that_may_be_handed_in(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPARKLIMITS_TMP", raising=False)
    monkeypatch.delenv("SPARKLIMITS_HOME", raising=False)
    monkeypatch.setattr(paths, "__file__", str(short / "site-packages/sparklimits/machine/paths.py"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(short / "cache"))
    (short / "handed-in").mkdir()
    monkeypatch.chdir(short / "handed-in")
    assert paths.scratch().resolve().parent == short / "cache" / "sparklimits"
    assert list((short / "handed-in").iterdir()) == []


@pytest.fixture
def shared(short: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course that is installed once for all, in a folder that this user cannot write."""
    course = short / "course"
    (course / "labs" / "lab2_skew").mkdir(parents=True)
    (course / "labs" / "lab2_skew" / "lab2_skew.ipynb").write_text("as handed out")
    (short / "home").mkdir()
    monkeypatch.setenv("SPARKLIMITS_HOME", str(course))
    monkeypatch.setenv("HOME", str(short / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("SPARKLIMITS_TMP", raising=False)
    real, real_mkdir = os.access, Path.mkdir

    def access(path: object, mode: int) -> bool:
        return real(path, mode) and not (
            mode & os.W_OK and course in (Path(str(path)), *Path(str(path)).parents)
        )

    def mkdir(self: Path, *arguments: object, **options: object) -> None:
        if course in self.parents and not self.exists():
            raise PermissionError(errno.EACCES, "Permission denied")
        real_mkdir(self, *arguments, **options)

    monkeypatch.setattr(os, "access", access)
    monkeypatch.setattr(Path, "mkdir", mkdir)
    return course


def test_a_shared_course_gives_copies_in_the_home(shared: Path, short: Path) -> None:
    work = workspace.prepare()
    assert work == short / "home" / "sparklimits"
    (work / "lab2_skew" / "lab2_skew.ipynb").write_text("mine")
    backup = workspace.reset("lab2_skew")
    assert backup is not None
    assert backup.parent == work
    assert (work / "lab2_skew" / "lab2_skew.ipynb").read_text() == "as handed out"


def test_temporary_files_of_a_shared_course_go_to_the_home(shared: Path, short: Path) -> None:
    assert paths.scratch().resolve().parent == short / "home" / ".cache" / "sparklimits"


def test_jupyterlab_opens_on_the_copies_and_says_where_they_are(
    shared: Path, short: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    called: list[Path] = []
    monkeypatch.setattr(jupyter.subprocess, "call", lambda command, cwd, env: called.append(cwd) or 0)
    monkeypatch.setattr(jupyter.jupyter_files, "put", lambda prefix: None)
    assert jupyter.open_lab([]) == 0
    assert called == [short / "home" / "sparklimits"]
    assert f"our copies of the labs are in {short}/home/sparklimits" in capsys.readouterr().out


@pytest.mark.shows("work_not_writable")
def test_without_a_home_to_write_one_sentence_says_what_to_do(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(shared / "labs"))
    with pytest.raises(MachineError, match=r"cannot be written to .*sparklimits .*Set SPARKLIMITS_WORK"):
        workspace.prepare()


def test_make_starts_no_program_by_the_first_line_of_a_script() -> None:
    """That line holds the path of the checkout: with a space, a `$`, or 127 letters in it nothing would start."""
    commands = [line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("\t")]
    assert not [
        line for line in commands if "$(BIN)/" in line.replace("$(BIN)/python ", "").replace("-x $(BIN)/", "")
    ]
