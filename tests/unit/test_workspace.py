"""The student's copies in work/: never overwritten, restored with a backup."""

import shutil
import time

import pytest

from sparklimits import cli
from sparklimits.errors import SparkLimitsError
from sparklimits.student import workspace

LAB = "lab2_skew"


@pytest.fixture
def course(monkeypatch, tmp_path):
    """A course folder with two labs, and things beside them that are none."""
    monkeypatch.setenv("SPARKLIMITS_HOME", str(tmp_path))
    for name in (LAB, "lab9_other", ".ipynb_checkpoints"):
        (tmp_path / "labs" / name / "pictures").mkdir(parents=True)
        (tmp_path / "labs" / name / f"{name}.ipynb").write_text(f"{name} as handed out")
        (tmp_path / "labs" / name / "pictures" / "one.svg").write_text("<svg/>")
    (tmp_path / "labs" / LAB / ".ipynb_checkpoints").mkdir()
    (tmp_path / "labs" / "README.md").write_text("not a lab")
    return tmp_path


@pytest.fixture
def same_second(monkeypatch):
    """The clock stands still."""
    now = time.strftime("%Y%m%d-%H%M%S", time.localtime(1_700_000_000))
    monkeypatch.setattr(workspace.time, "strftime", lambda form: now)


def tree(folder):
    """Every file below the folder with its content, and every empty folder."""
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() else None
        for path in folder.rglob("*")
        if path.is_file() or not any(path.iterdir())
    }


def test_every_lab_is_copied_whole_and_nothing_else(course):
    work = workspace.prepare()
    assert work == course / "work" == workspace.work_folder()
    expected = {"nbgrader_config.py": (work / "nbgrader_config.py").read_text()}
    for lab in (LAB, "lab9_other"):
        expected |= {f"{lab}/{lab}.ipynb": f"{lab} as handed out", f"{lab}/pictures/one.svg": "<svg/>"}
    assert tree(work) == expected
    assert "nbgrader_settings.apply(get_config())" in expected["nbgrader_config.py"]


def test_prepare_never_overwrites_what_a_student_wrote(course):
    work = workspace.prepare()
    (work / LAB / f"{LAB}.ipynb").write_text("my answer")
    (work / LAB / "notes.txt").write_text("mine")
    (work / LAB / "pictures" / "one.svg").unlink()
    before = tree(work)
    (course / "labs" / LAB / f"{LAB}.ipynb").write_text("a newer version")
    workspace.prepare()
    assert tree(work) == before


def test_a_lab_that_came_later_is_added(course):
    workspace.prepare()
    shutil.copytree(course / "labs" / LAB, course / "labs" / "lab3_new")
    assert (workspace.prepare() / "lab3_new" / f"{LAB}.ipynb").is_file()


def test_a_copy_that_was_interrupted_is_made_again(course, monkeypatch):
    def interrupted(source, target, **options):
        (target / "pictures").mkdir(parents=True)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(workspace.shutil, "copytree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            workspace.prepare()
    work = workspace.prepare()
    assert (work / LAB / f"{LAB}.ipynb").is_file()
    assert sorted(path.name for path in work.iterdir()) == [LAB, "lab9_other", "nbgrader_config.py"]


def test_reset_restores_and_keeps_the_old_one_whole(course):
    work = workspace.prepare()
    (work / LAB / f"{LAB}.ipynb").write_text("my answer")
    (work / LAB / "notes.txt").write_text("mine")
    (work / "lab9_other" / "notes.txt").write_text("another lab")
    before = tree(work / LAB)
    backup = workspace.reset(LAB)
    assert backup.parent == work
    assert tree(backup) == before
    assert (work / LAB / f"{LAB}.ipynb").read_text() == f"{LAB} as handed out"
    assert not (work / LAB / "notes.txt").exists()
    assert (work / "lab9_other" / "notes.txt").read_text() == "another lab"


def test_resets_in_the_same_second_keep_every_backup(course, same_second):
    work = workspace.prepare()
    backups = []
    for attempt in range(4):
        (work / LAB / f"{LAB}.ipynb").write_text(f"attempt {attempt}")
        backups.append(workspace.reset(LAB))
    assert len(set(backups)) == 4
    assert [(backup / f"{LAB}.ipynb").read_text() for backup in backups] == [f"attempt {n}" for n in range(4)]


def test_reset_of_a_lab_that_was_not_there_makes_no_backup(course, capsys):
    assert workspace.reset(LAB) is None
    assert sorted(path.name for path in (course / "work").glob(f"{LAB}*")) == [LAB]
    shutil.rmtree(course / "work" / LAB)
    assert cli.main(["reset", LAB]) == 0
    assert "there was none before" in capsys.readouterr().out


@pytest.mark.shows("no_lab")
def test_an_unknown_lab_is_refused_by_name_and_nothing_is_touched(course):
    workspace.prepare()
    before = tree(course)
    with pytest.raises(SparkLimitsError, match=f"There is no lab 'lab9_other'. The labs are: .*{LAB}"):
        workspace.reset("lab9_other")
    assert tree(course) == before


def test_a_lab_without_a_source_is_not_moved_away(course):
    work = workspace.prepare()
    (work / LAB / "notes.txt").write_text("mine")
    shutil.rmtree(course / "labs" / LAB)
    with pytest.raises(SparkLimitsError, match=rf"There is no folder .*labs/{LAB}\. "):
        workspace.reset(LAB)
    assert (work / LAB / "notes.txt").read_text() == "mine"


@pytest.mark.shows("no_labs")
def test_outside_the_course_is_told_with_the_remedy(course, capsys):
    shutil.rmtree(course / "labs")
    with pytest.raises(SparkLimitsError, match=r"There is no folder .*labs\. .* or set SPARKLIMITS_HOME"):
        workspace.prepare()
    assert cli.main(["reset", LAB]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not (course / "work").exists()
