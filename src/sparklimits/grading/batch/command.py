"""The command ``sparklimits grade``: a folder of submissions in, marks and reports out."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sparklimits import labs
from sparklimits.display.progress import Progress, clear_line
from sparklimits.errors import MachineError, SparkLimitsError
from sparklimits.grading.batch import fitness, gradebook, machine, outcome, report, slots, table
from sparklimits.grading.batch.batch import Batch, duration
from sparklimits.grading.batch.gradebook import Book
from sparklimits.grading.batch.journal import Journal
from sparklimits.grading.batch.outcome import GRADED, Outcome
from sparklimits.grading.batch.slots import Slots
from sparklimits.grading.batch.tasks import Task, collect
from sparklimits.machine import streams
from sparklimits.machine.scale import CLOCKED, scale_from_environment

#: Where journal and reports lie, beside nbgrader's folder of submissions; beside another one its name comes first.
GRADES, _USUAL = "grades", "submitted"


def grade(submitted: Path, json_file: Path | None, scheduler: str | None, count: int) -> int:
    """Grades what is missing, and writes the reports; the exit code is 0 when nothing is left to do.

    Args:
        submitted: the folder with a folder for each student.
        json_file: where the table goes as JSON, if anywhere.
        scheduler: the address of a Dask scheduler, to grade on its workers.
        count: how many submissions this machine grades at a time.

    Raises:
        SparkLimitsError: nothing to grade, or a machine that cannot grade.
    """
    if json_file is not None and not json_file.absolute().parent.is_dir():
        raise SparkLimitsError(f"There is no folder {json_file.parent} for {json_file.name}.")
    streams.settle()  # names of folders need not be text
    handed = collect(submitted.absolute())
    folder = _folder(submitted)
    with Journal(folder / "journal.db") as journal, _slots(scheduler, count) as where:
        remarks = [] if scheduler else machine.remarks(count)
        for line in [*where.machines, *remarks, *handed.said]:
            print(line)
        course = gradebook.course_of(submitted)
        book = _Entries(Book(course), journal) if course else None
        print(
            f"Marks go into the gradebook of {course}."
            if course
            else "There is no gradebook here: reports only."
        )
        sys.stdout.flush()
        quiet = _fitness(handed.tasks, journal, where)
        try:
            _work(handed.tasks, journal, where, book)
        finally:
            rows = table.rows_of(handed, journal)
            problems = list(book.problems.values()) if book else []
            said = [*quiet, *remarks, *handed.said, *problems]
            _write(
                folder / "report.html", report.page(rows, where.machines, said, datetime.now().astimezone())
            )
            _write(folder / "marks.csv", table.as_csv(rows))
            if json_file is not None:
                _write(json_file, table.as_json(rows))
    return _summary(rows, problems, folder)


@contextlib.contextmanager
def _slots(scheduler: str | None, count: int) -> Iterator[Slots]:
    if scheduler:
        with slots.remote(scheduler) as found:
            yield found
    else:
        with slots.local(count) as here:
            yield here


def _fitness(tasks: list[Task], journal: Journal, where: Slots) -> list[str]:
    """How quiet each slot is, where a class is to be graded that gets marks for its speed."""
    left = [labs.find(task.lab) for task in tasks if outcome.wants_more(journal.attempts(task), 0)]
    gains = [lab.gain for lab in left if lab.speed_earns and scale_from_environment() >= CLOCKED]
    if len(gains) < fitness.CLASS:
        return []
    with Progress("grade") as progress:
        progress("is this machine quiet enough? the same work in pairs, about two minutes")
        found = where.fitness(min(gains))
    told = [one if isinstance(one, str) else one.told() for one in found]
    for line in told:
        print(line, flush=True)
    return told


def _work(tasks: list[Task], journal: Journal, where: Slots, book: _Entries | None) -> None:
    by_lab = Counter(task.lab for task in tasks)
    print(
        f"{len(tasks)} submissions: {', '.join(f'{lab} {number}' for lab, number in by_lab.items())}",
        flush=True,
    )
    if book:
        for task in tasks:  # what an earlier run, killed between two steps, graded and did not enter
            book.enter(task)
    with Progress("grade") as progress:

        def done(task: Task, one: Outcome) -> None:
            clear_line()
            print(_line(task, one), flush=True)
            if book:
                book.enter(task)

        Batch(tasks, journal, where, done, progress).run()


def _line(task: Task, one: Outcome) -> str:
    if one.kind == GRADED:
        speed = f" {one.speedup:.2f}×" if one.speedup is not None else ""
        what = f"{one.score:g} of {one.max_score:g}, {one.verdict or 'graded'}{speed}"
    else:
        what = f"no grade: {one.reasons[0]}"
    return f"  {task.student}, {task.lab}: {what} ({duration(one.seconds)})"


class _Entries:
    """What stands of each submission, in the gradebook."""

    def __init__(self, book: Book, journal: Journal) -> None:
        self._book, self._journal = book, journal
        self.problems: dict[Task, str] = {}

    def enter(self, task: Task) -> None:
        """Enters the attempt that stands, unless the gradebook has it."""
        best = outcome.standing(self._journal.attempts(task))
        if best is None or best.kind != GRADED:
            return
        number = self._journal.number_of(task, best)
        if self._journal.is_handed_over(task, number) and self._book.has(task.student, task.lab):
            return
        problem = self._book.take(task.student, task.lab, self._journal.notebook(task, number))
        if problem:
            self.problems[task] = f"{task.student}, {task.lab}: {problem}"
            return
        self.problems.pop(task, None)
        self._journal.hand_over(task, number)


def _folder(submitted: Path) -> Path:
    real = submitted.resolve()
    folder = real.with_name(GRADES if real.name == _USUAL else f"{real.name}-{GRADES}")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise MachineError(
            f"{folder}, where the journal and the reports go, cannot be made ({error.strerror}). Copy the submissions "
            "to a folder of yours."
        ) from error
    return folder


def _write(path: Path, text: str) -> None:
    """Writes a file whole, or not at all."""
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.write_text(text, "utf-8", "backslashreplace")
        os.replace(unfinished, path)
    except OSError as error:
        raise MachineError(f"{path} cannot be written ({error.strerror}).") from error


def _summary(rows: list[table.Row], problems: list[str], folder: Path) -> int:
    verdicts = Counter(row.verdict or "graded" for row in rows)
    print(", ".join(f"{verdict} {number}" for verdict, number in verdicts.most_common()))
    for problem in problems:
        print(problem)
    left = [row for row in rows if row.by_machine]
    if left or problems:
        print(
            f"{len(left)} submissions have no grade because of the machine ({left[0].reasons[0]})"
            if left
            else f"{len(problems)} grades are not in the gradebook."
        )
        print("Run the same command again: what is graded stays as it is.")
    print(f"The report is {folder / 'report.html'}; the table is {folder / 'marks.csv'}.")
    return 1 if left or problems else 0
