"""The table of a class: a row for each student and lab, with what stands and why; as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sparklimits.grading.batch import outcome as outcomes
from sparklimits.grading.batch.journal import Journal
from sparklimits.grading.batch.outcome import (
    CRASHED,
    GRADED,
    MISSING,
    PENDING,
    REFUSED,
    UNFIT,
    UNGRADED,
    Outcome,
)
from sparklimits.grading.batch.tasks import Handed, Task

#: Verdicts that a person looks at, with what there is to see.
LOOK_AT = {
    "suspicious": "this cannot be right",
    "inconclusive": "the machine did not let it be decided",
    UNGRADED: "no grade can be made of it",
    PENDING: "not graded yet",
}


@dataclass(frozen=True)
class Row:
    """What stands of one student's lab. ``score`` is None where there is no grade: that is no zero."""

    student: str
    lab: str
    verdict: str
    score: float | None = None
    max_score: float | None = None
    marks: Mapping[str, float | None] = field(default_factory=dict)
    most: Mapping[str, float] = field(default_factory=dict)
    speedup: float | None = None
    reasons: Sequence[str] = ()
    attempts: int = 0
    machine: str = ""
    #: Whether the machine is the reason that there is no grade, so that running the batch again may give one.
    by_machine: bool = False

    @property
    def waits(self) -> bool:
        """Whether a person has a cell of it to grade."""
        return None in self.marks.values()


def rows_of(handed: Handed, journal: Journal) -> list[Row]:
    """A row for each student and each lab that anybody handed in."""
    tasks = {(task.student, task.lab): task for task in handed.tasks}
    found = []
    for student in handed.students:
        for lab_id in handed.labs:
            notes = handed.notes.get((student, lab_id), [])
            if reason := handed.refused.get((student, lab_id)):
                found.append(Row(student, lab_id, UNGRADED, reasons=[reason, *notes]))
            elif task := tasks.get((student, lab_id)):
                found.append(_row(task, journal.attempts(task), notes))
            else:
                found.append(Row(student, lab_id, MISSING, reasons=["Nothing was handed in.", *notes]))
    return found


def _row(task: Task, attempts: list[Outcome], notes: list[str]) -> Row:
    best = outcomes.standing(attempts)
    if best is None:
        return Row(
            task.student, task.lab, PENDING, reasons=["It was not graded yet.", *notes], by_machine=True
        )
    if best.kind == GRADED:
        return Row(
            task.student, task.lab, best.verdict, best.score, best.max_score, best.marks, best.most, best.speedup,
            [*best.reasons, *notes], len(attempts), best.machine,
        )  # fmt: skip
    last = attempts[-1]
    final = any(one.kind == REFUSED for one in attempts) or (
        sum(one.kind == CRASHED for one in attempts) >= outcomes.ATTEMPTS
    )
    return Row(
        task.student,
        task.lab,
        UNGRADED if final else PENDING,
        reasons=[*last.reasons, *notes],
        attempts=len(attempts),
        machine=last.machine,
        by_machine=last.kind == UNFIT,
    )


def as_json(rows: Iterable[Row]) -> str:
    """``{student: {lab: {score, max_score, marks, verdict, speedup, reasons}}}``; what is not known is null."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        found.setdefault(row.student, {})[row.lab] = {
            "score": row.score,
            "max_score": row.max_score,
            "marks": dict(row.marks),
            "verdict": row.verdict,
            "speedup": row.speedup,
            "reasons": list(row.reasons),
        }
    return json.dumps(found, indent=1) + "\n"


def as_csv(rows: Iterable[Row]) -> str:
    """A line for each row. A field that a spreadsheet would take for a formula begins with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ("student", "lab", "score", "max_score", "verdict", "speedup", "waits_for_a_person", "reasons")
    )
    for row in rows:
        writer.writerow(
            [
                plain(row.student),
                row.lab,
                "" if row.score is None else f"{row.score:g}",
                "" if row.max_score is None else f"{row.max_score:g}",
                row.verdict,
                "" if row.speedup is None else f"{row.speedup:.2f}",
                "yes" if row.waits else "no",
                plain(" | ".join(row.reasons)),
            ]
        )
    return text.getvalue()


def plain(text: str) -> str:
    """A field of a table that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
