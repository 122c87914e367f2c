"""The journal of a batch: every attempt is on the disk before it counts. One file of SQLite, one writer."""

from __future__ import annotations

import sqlite3
import zlib
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from sparklimits.errors import MachineError
from sparklimits.grading.batch.outcome import Outcome
from sparklimits.grading.batch.tasks import Task

_VERSION = 1
_TABLES = """\
CREATE TABLE IF NOT EXISTS attempts (
    student TEXT, lab TEXT, content TEXT, conditions TEXT, attempt INTEGER,
    finished TEXT NOT NULL, outcome TEXT NOT NULL, notebook BLOB,
    PRIMARY KEY (student, lab, content, conditions, attempt)
);
CREATE TABLE IF NOT EXISTS handed_over (
    student TEXT, lab TEXT, content TEXT, conditions TEXT, attempt INTEGER,
    PRIMARY KEY (student, lab)
);
"""
_KEY = "student = ? AND lab = ? AND content = ? AND conditions = ?"


class Journal:
    """Attempts by student, lab, content, conditions and number. Use it as a context manager.

    The file is locked as long as the journal is open, and the lock ends with the process: two batches never work on the
    same folder. With that lock SQLite's log needs no memory that processes share, which a network's disk has not.

    Raises:
        MachineError: another batch has it, or it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._database = sqlite3.connect(path, timeout=2, isolation_level=None)
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute("BEGIN EXCLUSIVE")
            (version,) = self._database.execute("PRAGMA user_version").fetchone()
            self._database.execute("COMMIT")
            if version not in (0, _VERSION):
                raise MachineError(
                    f"{path} is of another version of the course. Rename it, and a new one begins."
                )
            self._database.executescript(_TABLES)
            self._database.execute(f"PRAGMA user_version = {_VERSION}")
            self._known = self._read()
        except (sqlite3.Error, ValueError) as error:
            raise MachineError(_told(path, error)) from error

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def attempts(self, task: Task) -> list[Outcome]:
        """All attempts at a task, in their order."""
        return [one for _, one in sorted(self._known.get(task.key, {}).items())]

    def next_number(self, task: Task) -> int:
        """The number of the next attempt at a task, from 1."""
        return 1 + max(self._known.get(task.key, {}), default=0)

    def write(self, task: Task, attempt: int, outcome: Outcome, notebook: bytes = b"") -> bool:
        """Writes an attempt down, in one transaction; False if there is one of this number: the first one stands.

        Args:
            notebook: the notebook with its outputs, for the gradebook.

        Raises:
            MachineError: the disk did not take it.
        """
        row = (*task.key, attempt, datetime.now(UTC).isoformat(timespec="seconds"), outcome.as_text())
        try:
            done = self._database.execute(
                "INSERT OR IGNORE INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, zlib.compress(notebook) if notebook else None),
            )
        except sqlite3.Error as error:
            raise MachineError(_told(self.path, error)) from error
        if done.rowcount:
            self._known.setdefault(task.key, {})[attempt] = outcome
        return bool(done.rowcount)

    def notebook(self, task: Task, attempt: int) -> bytes:
        """The notebook of an attempt with its outputs; empty if it left none."""
        row = self._database.execute(
            f"SELECT notebook FROM attempts WHERE {_KEY} AND attempt = ?", (*task.key, attempt)
        ).fetchone()
        return zlib.decompress(row[0]) if row and row[0] else b""

    def number_of(self, task: Task, outcome: Outcome) -> int:
        """The number of this attempt at a task."""
        return next(number for number, one in self._known[task.key].items() if one is outcome)

    def is_handed_over(self, task: Task, attempt: int) -> bool:
        """Whether the gradebook has this attempt."""
        row = self._database.execute(
            f"SELECT 1 FROM handed_over WHERE {_KEY} AND attempt = ?", (*task.key, attempt)
        ).fetchone()
        return row is not None

    def hand_over(self, task: Task, attempt: int) -> None:
        """Notes that the gradebook has this attempt now."""
        self._database.execute(
            "INSERT OR REPLACE INTO handed_over VALUES (?, ?, ?, ?, ?)", (*task.key, attempt)
        )

    def _read(self) -> dict[tuple[str, str, str, str], dict[int, Outcome]]:
        found: dict[tuple[str, str, str, str], dict[int, Outcome]] = {}
        rows = self._database.execute(
            "SELECT student, lab, content, conditions, attempt, outcome FROM attempts"
        )
        for student, lab, content, conditions, attempt, outcome in rows:
            found.setdefault((student, lab, content, conditions), {})[attempt] = Outcome.from_text(outcome)
        return found


def _told(path: Path, error: Exception) -> str:
    if "locked" in str(error):
        return f"Another batch works with {path}: one at a time. Wait for it, or stop it first."
    if isinstance(error, ValueError) or any(sign in str(error) for sign in ("not a database", "malformed")):
        return f"The journal {path} is damaged ({error}). Rename it, and the batch begins anew."
    return f"The journal {path} cannot be used ({error}). The folder must be yours, on a disk with room."
