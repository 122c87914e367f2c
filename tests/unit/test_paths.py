"""The scratch folder: private to a process, gone with it, and a clear error where it cannot be."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from sparklimits.errors import MachineError
from sparklimits.machine import limits, locked, paths

MAKE = (
    "from sparklimits.machine.paths import scratch; folder = scratch(); "
    "(folder / 'file').write_text('x'); print(folder)"
)


@pytest.fixture
def base(monkeypatch, tmp_path):
    """SPARKLIMITS_TMP in a new place; this process's own scratch folder, made elsewhere, is left as it is."""
    monkeypatch.setattr(paths, "scratch", paths.scratch.__wrapped__)
    exits = []
    monkeypatch.setattr(paths.atexit, "register", lambda *call: exits.append(call))
    # pytest's own folders have long names, which Spark would get by a link.
    with tempfile.TemporaryDirectory() as short:
        monkeypatch.setenv("SPARKLIMITS_TMP", f"{short}/scratch")
        yield Path(short) / "scratch"
        for function, *arguments in exits:
            function(*arguments)


def python(code, **settings):
    """A Python process that runs the code; its standard output is a pipe."""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **settings},
    )


def died_with(process):
    process.communicate(timeout=60)
    return process.pid


def test_a_process_has_one_folder_of_its_own_that_goes_with_it(base):
    code = f"{MAKE}; assert scratch() is folder; print((folder / 'file').exists())"
    process = python(code)
    folder, was_there = process.communicate(timeout=60)[0].split()
    assert process.returncode == 0
    assert was_there == "True"
    assert Path(folder).parent == base
    assert Path(folder).name.startswith(f"{process.pid}-")
    assert list(base.iterdir()) == []


def test_the_folder_goes_too_when_the_process_ends_in_an_error(tmp_path):
    process = python(f"{MAKE}; raise SystemExit(3)", SPARKLIMITS_TMP=str(tmp_path))
    process.communicate(timeout=60)
    assert process.returncode == 3
    assert list(tmp_path.iterdir()) == []


def test_a_forked_child_does_not_remove_its_parents_folder(tmp_path):
    code = f"""
import os, sys
{MAKE}
child = os.fork()
if child == 0:
    sys.exit(0)
os.waitpid(child, 0)
print((folder / 'file').exists())
"""
    output = python(code, SPARKLIMITS_TMP=str(tmp_path)).communicate(timeout=60)[0]
    assert output.split()[-1] == "True"


def test_without_a_setting_it_lies_in_the_projects_own_folder(base, monkeypatch, tmp_path):
    monkeypatch.delenv("SPARKLIMITS_TMP")
    monkeypatch.setenv("SPARKLIMITS_HOME", str(tmp_path / "course"))
    assert paths.scratch().resolve().parent == tmp_path / "course" / ".sparklimits"


def test_a_killed_process_leaves_a_folder_that_the_next_one_removes(base):
    process = python(f"{MAKE}; print(flush=True); input()", SPARKLIMITS_TMP=str(base))
    left = Path(process.stdout.readline().strip())
    process.send_signal(signal.SIGKILL)
    died_with(process)
    assert (left / "file").exists()
    mine = paths.scratch()
    assert list(base.iterdir()) == [mine]


def test_a_live_processes_folder_is_kept(base):
    process = python(f"{MAKE}; print(flush=True); input()", SPARKLIMITS_TMP=str(base))
    theirs = Path(process.stdout.readline().strip())
    mine = paths.scratch()
    try:
        assert (theirs / "file").exists()
        assert {theirs, mine} == set(base.iterdir())
    finally:
        process.communicate("\n", timeout=60)
    assert list(base.iterdir()) == [mine]


def test_a_live_process_with_other_numbers_is_alive(base):
    """Another host, a container or a sandbox has process numbers of its own."""
    process = python(f"{MAKE}; print(flush=True); input()", SPARKLIMITS_TMP=str(base))
    theirs = Path(process.stdout.readline().strip())
    renamed = theirs.with_name("99999999-abcdefgh")  # nobody's number on this host
    theirs.rename(renamed)
    try:
        paths.scratch()
        assert (renamed / "file").exists()
    finally:
        process.communicate("\n", timeout=60)


def test_a_folder_that_is_being_made_is_left_alone(base):
    base.mkdir()
    unlocked = base / "4711-abcdefgh"  # its lock is on the way
    unlocked.mkdir()
    paths.scratch()
    assert unlocked.is_dir()


def test_what_is_not_a_scratch_folder_is_left_alone(base):
    base.mkdir()
    dead = died_with(python(""))
    others = [
        f"{dead}-data",
        f"{dead}-abcdefgh.old",
        f"0{dead}-abcdefgh",
        "2024-results",
        "0-abcdefgh",
        "12x-abcdefgh",
    ]
    for name in (*others, f"{dead}-abcdefgh", "9999999999-abcdefgh"):
        (base / name).mkdir()
        (base / name / "lock").touch()
    mine = paths.scratch()
    assert {path.name for path in base.iterdir()} == {*others, mine.name}


@pytest.mark.parametrize("where", ["", "below"])
def test_a_file_in_the_folders_place_is_one_error_with_the_remedy(base, monkeypatch, where):
    base.write_text("in the way")
    place = base / where if where else base
    monkeypatch.setenv("SPARKLIMITS_TMP", str(place))
    with pytest.raises(MachineError) as caught:
        paths.scratch()
    assert f"Cannot write temporary files under {place} (" in str(caught.value)
    assert "set SPARKLIMITS_TMP to a folder on another disk" in str(caught.value)
    assert base.read_text() == "in the way"


@pytest.mark.parametrize(
    ("free", "refused"), [(paths.MIN_FREE_BYTES - 1, True), (paths.MIN_FREE_BYTES, False)]
)
def test_a_nearly_full_disk_is_refused_with_what_is_left_and_the_remedy(base, monkeypatch, free, refused):
    asked = []
    monkeypatch.setattr(
        limits.shutil, "disk_usage", lambda folder: asked.append(folder) or SimpleNamespace(free=free)
    )
    if refused:
        with pytest.raises(MachineError) as caught:
            paths.scratch()
        assert f"The disk under {base} has 1,000 MB left" in str(caught.value)
        assert "set SPARKLIMITS_TMP to a folder on another disk" in str(caught.value)
        assert list(base.iterdir()) == []
    else:
        assert paths.scratch().is_dir()
    assert asked == [base]


def test_a_disk_that_gets_full_is_one_error(base, monkeypatch):
    def full(**arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(locked.tempfile, "mkdtemp", full)
    with pytest.raises(
        MachineError, match=r"\(No space left on device\)\. Free some space, or set SPARKLIMITS_TMP"
    ):
        paths.scratch()


def test_the_projects_root_is_the_nearest_folder_with_the_labs(monkeypatch, tmp_path):
    monkeypatch.delenv("SPARKLIMITS_HOME", raising=False)
    course, below = tmp_path / "course", tmp_path / "course" / "work" / "lab2_skew"
    below.mkdir(parents=True)
    monkeypatch.setattr(
        paths, "__file__", str(tmp_path / "venv" / "lib" / "sparklimits" / "machine" / "paths.py")
    )
    monkeypatch.chdir(below)
    assert paths.project_root() == below
    (course / "labs").mkdir()
    assert paths.project_root() == below  # a folder of that name alone may be anybody's
    (course / "nbgrader_config.py").write_text("")
    assert paths.project_root() == course
    monkeypatch.setenv("SPARKLIMITS_HOME", str(tmp_path / "other"))
    assert paths.project_root() == tmp_path / "other"


@pytest.mark.parametrize(
    "name", ["Spark Kurs", "Jürgen [2026]", "课程", "a{b,c}", "10:30", "50%20x", "#1", "it's", "a" * 200]
)
def test_a_path_that_spark_cannot_read_gets_a_link_that_it_can(base, monkeypatch, name):
    odd = base / name
    monkeypatch.setenv("SPARKLIMITS_TMP", str(odd))
    mine = paths.scratch()
    assert re.fullmatch(r"[\w./+-]{1,150}", str(mine), re.ASCII)
    assert mine.resolve().parent == odd
    (mine / "file").touch()
    assert (mine.resolve() / "file").exists()
    paths._remove(mine.resolve(), paths.os.getpid())
    assert not mine.exists()
    assert not mine.parent.exists(), "the link's folder goes too"


def test_the_link_of_a_killed_process_is_removed_with_its_folder(base, monkeypatch):
    odd = base / "Spark Kurs"
    process = python(f"{MAKE}; print(flush=True); input()", SPARKLIMITS_TMP=str(odd))
    link = Path(process.stdout.readline().strip())
    assert link.is_symlink()
    process.send_signal(signal.SIGKILL)
    died_with(process)
    monkeypatch.setenv("SPARKLIMITS_TMP", str(odd))
    mine = paths.scratch()
    assert list(odd.iterdir()) == [mine.resolve()]
    assert not link.parent.exists()
