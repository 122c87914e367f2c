"""A class in one batch: the journal, kills at any moment, broken submissions, what stands, and the reports."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from sparklimits.errors import MachineError, SparkLimitsError
from sparklimits.grading.batch import (
    command,
    instructor,
    machine,
    outcome,
    process,
    report,
    slots,
    table,
    tasks,
)
from sparklimits.grading.batch.journal import Journal
from sparklimits.grading.batch.outcome import Outcome
from tests.submissions import ROOT, released

FAKE = (sys.executable, str(ROOT / "tests" / "programs" / "fake_grader.py"))
LABS = ("lab0_measuring", "lab2_skew")


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every grading process is the fake one, on a machine with one slot and a sandbox."""
    monkeypatch.setattr(process, "COMMAND", FAKE)
    monkeypatch.setattr(machine, "described", lambda: "a machine; sandbox: some")
    monkeypatch.setattr(machine, "shares", lambda slots: [()] * slots)
    monkeypatch.setattr(tasks, "conditions_of", lambda lab: "1.0")
    monkeypatch.setenv("SPARKLIMITS_CALLS", str(tmp_path / "calls"))
    (tmp_path / "calls").touch()


def hand_in(folder: Path, student: str, *does: dict[str, Any], lab: str = LABS[1], name: str = "") -> Path:
    """A submission whose grading goes like this, call by call."""
    path = folder / "submitted" / student / lab / (name or f"{lab}.ipynb")
    path.parent.mkdir(parents=True, exist_ok=True)
    open_it = f"lab = notebook.open_lab('{lab}')"
    path.write_text(
        json.dumps(
            {"cells": [{"cell_type": "code", "source": open_it, "metadata": {}, "outputs": []}],
             "metadata": {"does": does or ({"score": 5.0},)}, "nbformat": 4, "nbformat_minor": 5}
        )
    )  # fmt: skip
    return path


def grade(folder: Path) -> tuple[int, dict[str, Any]]:
    """The exit code and the JSON."""
    code = command.grade(folder / "submitted", folder / "out.json", None, 1)
    return code, json.loads((folder / "out.json").read_text())


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text(errors="replace").splitlines()


def test_the_table_has_what_scripts_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hand_in(tmp_path, "anna")
    hand_in(tmp_path, "ben", {"score": 0.0}, lab=LABS[0])
    code, found = grade(tmp_path)
    assert code == 0
    assert found["anna"]["lab2_skew"] == {
        "score": 5.0, "max_score": 8.0, "marks": {"speed_points": 5.0, "explain": None}, "verdict": "passed",
        "speedup": 3.0, "reasons": ["as the notebook says"],
    }  # fmt: skip
    assert found["ben"]["lab0_measuring"]["score"] == 0.0
    assert found["anna"]["lab0_measuring"]["verdict"] == "missing"
    assert found["anna"]["lab0_measuring"]["score"] is None
    printed = capsys.readouterr().out
    assert printed.index("sandbox: some") < printed.index("anna, lab2_skew: 5 of 8, passed 3.00×")


def test_the_same_command_does_only_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_in(tmp_path, "anna")
    hand_in(tmp_path, "ben")
    before = grade(tmp_path)
    assert grade(tmp_path) == before
    assert len(calls(tmp_path)) == 2
    hand_in(tmp_path, "ben", {"score": 2.0})  # another version, which counts although the first had more
    assert grade(tmp_path)[1]["ben"]["lab2_skew"]["score"] == 2.0
    assert len(calls(tmp_path)) == 3
    monkeypatch.setattr(tasks, "conditions_of", lambda lab: "1.0, other hidden tests")
    grade(tmp_path)
    assert len(calls(tmp_path)) == 5


def test_what_was_not_decided_is_graded_again_and_the_better_stands(tmp_path: Path) -> None:
    undecided = {"verdict": "inconclusive", "again": True}
    hand_in(tmp_path, "anna", {"score": 4.0, "outcome": undecided}, {"score": 3.0})
    hand_in(tmp_path, "ben", {"score": 4.0, "outcome": undecided})
    hand_in(tmp_path, "cid", {"score": 1.0, "outcome": undecided}, {"score": 6.0})
    code, found = grade(tmp_path)
    assert code == 0
    assert [found[who]["lab2_skew"]["score"] for who in ("anna", "ben", "cid")] == [4.0, 4.0, 6.0]
    assert found["ben"]["lab2_skew"]["verdict"] == "inconclusive"
    assert len(calls(tmp_path)) == 2 + outcome.ATTEMPTS + 2
    grade(tmp_path)  # the number holds over all runs
    assert len(calls(tmp_path)) == 2 + outcome.ATTEMPTS + 2


def test_a_crash_and_a_lack_of_time_are_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_in(tmp_path, "anna", {"exit": 9})
    hand_in(tmp_path, "ben", {"exit": 9}, {"score": 7.0})
    hand_in(tmp_path, "cid", {"sleep": 60})
    hand_in(tmp_path, "dora")
    monkeypatch.setattr(process.run, "__defaults__", ((), None, 1.0))
    code, found = grade(tmp_path)
    assert code == 0
    anna, ben, cid, dora = (found[who]["lab2_skew"] for who in ("anna", "ben", "cid", "dora"))
    assert (anna["verdict"], anna["score"]) == ("ungraded", None)
    assert anna["reasons"] == [
        "The grading process ended without an outcome (exit code 9). Its last words: out of memory"
    ]
    assert (ben["score"], dora["score"]) == (7.0, 5.0)
    assert cid["verdict"] == "ungraded"
    assert "longer than" in cid["reasons"][0]
    assert len(calls(tmp_path)) == outcome.ATTEMPTS + 2 + 1 + 1


def test_a_fault_of_the_machine_is_no_grade_and_is_tried_again_by_the_next_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    full = {"outcome": {"kind": "unfit", "marks": {}, "most": {}, "reasons": ["The disk is full."]}}
    hand_in(tmp_path, "anna", *[full] * (outcome.ATTEMPTS + 1), {"score": 8.0})
    code, found = grade(tmp_path)
    assert code == 1
    assert found["anna"]["lab2_skew"]["verdict"] == "pending"
    assert found["anna"]["lab2_skew"]["score"] is None
    assert "Run the same command again" in capsys.readouterr().out
    code, found = grade(tmp_path)
    assert (code, found["anna"]["lab2_skew"]["score"]) == (0, 8.0)


def test_nothing_is_left_of_a_submission_that_is_ended(tmp_path: Path) -> None:
    path = hand_in(tmp_path, "anna", {"sleep": 60})
    task = tasks.Task("anna", LABS[1], str(path), "", "")
    began = time.monotonic()
    left = process.run(task, longest=0.5)
    assert left.outcome.kind == outcome.REFUSED
    assert time.monotonic() - began < 10
    assert not psutil.pid_exists(int(calls(tmp_path)[0].split()[1]))


def test_the_first_of_two_outcomes_of_one_attempt_stands(tmp_path: Path) -> None:
    task = tasks.Task("anna", LABS[1], "", "content", "1.0")
    first, late = (
        Outcome(outcome.GRADED, marks={"speed": points}, most={"speed": 8.0}) for points in (8.0, 0.0)
    )
    with Journal(tmp_path / "journal.db") as journal:
        assert journal.write(task, 1, first, b"a notebook")
        assert not journal.write(task, 1, late)
    with Journal(tmp_path / "journal.db") as journal:
        assert [one.score for one in journal.attempts(task)] == [8.0]
        assert journal.next_number(task) == 2
        assert journal.notebook(task, 1) == b"a notebook"


def test_one_batch_at_a_time(tmp_path: Path) -> None:
    hand_in(tmp_path, "anna")
    (tmp_path / "grades").mkdir()
    with (
        Journal(tmp_path / "grades" / "journal.db"),
        pytest.raises(MachineError, match="Another batch works"),
    ):
        grade(tmp_path)
    assert grade(tmp_path)[0] == 0


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    hand_in(tmp_path, "anna")
    (tmp_path / "grades").mkdir()
    (tmp_path / "grades" / "journal.db").write_bytes(b"not SQLite" * 1000)
    with pytest.raises(MachineError, match=r"journal\.db is damaged .* Rename it"):
        grade(tmp_path)


def _until(there: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not there():
        assert time.monotonic() < ends
        time.sleep(0.005)


def test_a_kill_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    """SIGKILL before the first call, while each submission is graded, and as soon as one is written down."""
    students = [f"student{number}" for number in range(5)]
    for student in students:
        hand_in(tmp_path, student, {"score": float(len(student)), "sleep": 0.15})
    fork = multiprocessing.get_context("fork")

    def lines() -> int:
        return len(calls(tmp_path))

    def another_begins() -> None:
        at = lines()
        _until(lambda: lines() > at)

    graded = 0
    for kill in range(5):
        quiet = fork.Process(target=_graded_quietly, args=(tmp_path,))
        quiet.start()
        if kill:
            another_begins()  # a submission is being graded
        if kill % 2:
            another_begins()  # one was written down, and the next one has begun
            graded += 1
        running = [int(one.split()[1]) for one in calls(tmp_path)]
        quiet.kill()
        quiet.join()
        assert quiet.exitcode == -signal.SIGKILL
        _until(lambda those=running: not any(map(_runs, those)))  # the grading process went with it
    assert graded == 2
    code, found = grade(tmp_path)
    assert code == 0
    assert [found[who]["lab2_skew"]["score"] for who in students] == [8.0] * 5
    # Only what was killed in the middle was graded twice.
    assert lines() <= len(students) + 4


def test_what_runs_ends_with_a_batch_that_is_killed(tmp_path: Path) -> None:
    hand_in(tmp_path, "anna", {"sleep": 600}, {"score": 8.0})
    killed = multiprocessing.get_context("fork").Process(target=_graded_quietly, args=(tmp_path,))
    killed.start()
    _until(lambda: len(calls(tmp_path)) == 1)
    killed.kill()
    killed.join()
    _until(lambda: not _runs(int(calls(tmp_path)[0].split()[1])))
    assert grade(tmp_path)[1]["anna"]["lab2_skew"]["score"] == 8.0


def test_hidden_tests_are_put_in_and_a_change_of_them_grades_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARKLIMITS_HOME", str(tmp_path))
    own = tmp_path / "solutions" / LABS[1] / f"{LABS[1]}.ipynb"
    shutil.copytree(ROOT / "solutions" / LABS[1], own.parent)
    notebook = released()
    instructor.put_in(notebook, LABS[1])
    hidden = [cell for cell in notebook.cells if "BEGIN HIDDEN TESTS" in cell.source]
    assert hidden
    assert all(
        "most=" in cell.source for cell in hidden
    )  # with the points of the metadata, as nbgrader keeps it
    before = instructor.fingerprint(LABS[1])
    text = own.read_text("utf-8")
    own.write_text(text.replace("BEGIN HIDDEN TESTS", "BEGIN HIDDEN TESTS, revised", 1), "utf-8")
    assert instructor.fingerprint(LABS[1]) not in (before, "public")
    own.unlink()
    assert instructor.fingerprint(LABS[1]) == "public"


def _graded_quietly(folder: Path) -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        grade(folder)


def _runs(number: int) -> bool:
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_what_cannot_be_read_is_a_row_with_its_reason(tmp_path: Path) -> None:
    right = hand_in(tmp_path, "anna")
    (tmp_path / "elsewhere.ipynb").write_text("{}")
    odd: dict[str, Callable[[Path], None]] = {
        "a link": lambda path: path.symlink_to(tmp_path / "elsewhere.ipynb"),
        "a link that leads nowhere": lambda path: path.symlink_to(tmp_path / "nothing"),
        "a pipe": os.mkfifo,
        "a folder": Path.mkdir,
    }
    for name, make in odd.items():
        place = tmp_path / "submitted" / name / LABS[1]
        place.mkdir(parents=True)
        make(place / f"{LABS[1]}.ipynb")
    (tmp_path / "submitted" / "a file" / LABS[1]).parent.mkdir()
    (tmp_path / "submitted" / "a file" / LABS[1]).write_text("for a folder")
    (tmp_path / "submitted" / "linked folder").mkdir()
    (tmp_path / "submitted" / "linked folder" / LABS[1]).symlink_to(right.parent)
    (tmp_path / "submitted" / "nothing there" / LABS[1]).mkdir(parents=True)
    (tmp_path / "submitted" / "never came").mkdir()
    code, found = grade(tmp_path)
    assert code == 0
    for name in odd:
        row = found[name]["lab2_skew"]
        assert (row["verdict"], row["score"]) == ("ungraded", None)
        assert re.search(rf"is {' '.join(name.split()[:2])}\b", row["reasons"][0])
    assert "is a file, not a folder" in found["a file"]["lab2_skew"]["reasons"][0]
    assert "is a link" in found["linked folder"]["lab2_skew"]["reasons"][0]
    assert "there is nothing" in found["nothing there"]["lab2_skew"]["reasons"][0]
    assert found["never came"]["lab2_skew"]["verdict"] == "missing"
    assert found["anna"]["lab2_skew"]["score"] == 5.0
    assert len(calls(tmp_path)) == 1


def test_a_folder_whose_name_is_no_text_is_graded(tmp_path: Path) -> None:
    hand_in(tmp_path, os.fsdecode(b"J\xfcrgen"))
    path = hand_in(tmp_path, os.fsdecode(b"R\xe9my"))
    path.rename(path.with_name("lab2_skew (1).ipynb"))
    with (tmp_path / "printed").open("w", encoding="ascii") as out, contextlib.redirect_stdout(out):
        found = grade(tmp_path)[1]
    scores = {name: of["lab2_skew"]["score"] for name, of in found.items()}
    assert scores == {r"J\udcfcrgen": 5.0, r"R\udce9my": 5.0}
    assert r"J\udcfcrgen, lab2_skew: 5 of 8, passed 3.00\xd7" in (tmp_path / "printed").read_text()
    assert r"R\udce9my" in (tmp_path / "grades" / "report.html").read_text()


def test_a_folder_of_another_name_has_reports_of_its_own(tmp_path: Path) -> None:
    hand_in(tmp_path, "anna")
    (tmp_path / "submitted").rename(tmp_path / "group-b")
    assert command.grade(tmp_path / "group-b", None, None, 1) == 0
    assert (tmp_path / "group-b-grades" / "marks.csv").is_file()
    with pytest.raises(SparkLimitsError, match="There is no folder"):
        command.grade(tmp_path / "group-b", tmp_path / "nowhere" / "out.json", None, 1)


@pytest.mark.parametrize(
    "name", ["lab2_skew-Copy1.ipynb", "lab2_skew (1).ipynb", "mine/lab2.ipynb", "final.ipynb"]
)
def test_a_notebook_beside_its_place_is_found_and_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "submitted" / "anna" / LABS[1] / "mine").mkdir(parents=True)
    path = hand_in(tmp_path, "anna", name=name)
    row = grade(tmp_path)[1]["anna"]["lab2_skew"]
    assert row["score"] == 5.0
    assert f"{path} is graded: there is no" in row["reasons"][-1]
    assert not (path.parent / f"{LABS[1]}.ipynb").exists()  # nothing is written into students' folders


@pytest.mark.parametrize(
    "make", [lambda folder: None, lambda folder: (folder / "submitted" / "anna").mkdir(parents=True)]
)
def test_nothing_to_grade_is_said(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path)
    with pytest.raises(SparkLimitsError, match="There is no"):
        grade(tmp_path)


def test_each_slot_has_cores_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(1, 6)), raising=False)
    monkeypatch.setattr(machine.limits, "cores", lambda: 5.0)
    assert machine.shares(2) == [(1, 2), (3, 4)]
    assert machine.shares(1) == [(1, 2, 3, 4, 5)]
    for wrong in (0, 3):
        with pytest.raises(SparkLimitsError, match="Use at most 2"):
            machine.shares(wrong)


def test_a_slot_tells_the_grading_process_its_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "shares", lambda slots: [(0,), (1,)])
    tasks_ = [
        tasks.Task(who, LABS[1], str(hand_in(tmp_path, who, {"sleep": 0.3})), "", "") for who in ("a", "b")
    ]
    with slots.local(2) as here:
        for future in [here.submit(one) for one in tasks_]:
            assert future.result().outcome.kind == outcome.GRADED
    assert sorted(re.findall(r"'--cores', '(\d)'", "\n".join(calls(tmp_path)))) == ["0", "1"]


def test_without_dask_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(MachineError, match=r"pip install -c constraints.txt '.\[dask\]'"),
        slots.remote("tcp://x:1"),
    ):
        pass


ROWS = [
    table.Row("=cmd|'x'!A1", "lab2_skew", "passed", 8.0, 8.0, {"speed_points": 8.0}, {"speed_points": 8.0}, 3.2),
    table.Row("<b>eve</b>", "lab2_skew", "suspicious", 0.0, 8.0, {"speed_points": 0.0, "explain": None},
              {"speed_points": 8.0, "explain": 3.0}, 40.0, ["<script>alert(1)</script>"]),
    table.Row("ben", "lab2_skew", "missing", reasons=["Nothing was handed in."]),
    table.Row("cid", "lab2_skew", "ungraded", reasons=["it ends in the middle"]),
]  # fmt: skip


def test_the_page_needs_nothing_else_and_runs_nothing() -> None:
    page = report.page(ROWS, ["a machine"], ["a file is left out"], datetime(2026, 11, 28, 1, 0))
    assert "<script" not in page
    assert "<b>eve" not in page
    assert "&lt;b&gt;eve&lt;/b&gt;" in page
    assert not re.search(r"(src|href)='(?!data:|#)", page)
    (alt,) = re.findall(r"<img alt='([^']+)'", page)
    assert "lab2_skew: 2 measured, from 3.20 to 40.00 times" in alt
    to_look_at = page[page.index("Whom to look at") : page.index("<h2>Marks")]
    assert all(name in to_look_at for name in ("eve", "cid"))
    assert "ben" not in to_look_at
    assert all(
        text in page for text in ("missing", "8 of 8", "a machine", "a file is left out", "color-scheme")
    )


def test_the_picture_has_axes_and_a_legend() -> None:
    (axes,) = report.picture({"lab2_skew": [1.0, 3.0, 3.1], "lab0_measuring": [2.0]}).axes
    assert "speedup" in axes.get_xlabel()
    assert [one.get_text() for one in axes.get_yticklabels()] == ["lab2_skew", "lab0_measuring"]
    assert [one.get_text() for one in axes.get_legend().get_texts()] == [
        "a student",
        "full marks from here",
        "no gain",
    ]


def test_the_csv_opens_in_a_spreadsheet_as_text() -> None:
    lines = list(csv.DictReader(io.StringIO(table.as_csv(ROWS))))
    assert lines[0]["student"] == "'=cmd|'x'!A1"
    assert (lines[1]["score"], lines[1]["waits_for_a_person"]) == ("0", "yes")
    assert (lines[2]["score"], lines[2]["verdict"]) == ("", "missing")


def test_a_grading_process_takes_with_it_what_runs_below_however_it_ends(tmp_path: Path) -> None:
    program = """
import subprocess, sys, time
from sparklimits.grading.batch import start
start.hold()
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"]).pid, flush=True)
time.sleep(600)
"""
    # The one who started it has ended: its input is closed, and it is interrupted.
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    below = int(process.stdout.readline())
    process.stdin.close()
    process.wait(30)
    process.stdout.close()
    _until(lambda: not _runs(below))
