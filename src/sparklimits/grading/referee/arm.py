"""The referee's side of an arm: it starts the process, tells it what to do, and believes nothing that comes back."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from sparklimits.errors import CandidateError, MachineError
from sparklimits.grading.referee import counts, tables, wire
from sparklimits.grading.referee.launcher import Launch, Launched
from sparklimits.grading.referee.usage import Watch
from sparklimits.machine import messages, places
from sparklimits.machine.paths import scratch
from sparklimits.measurement.bench import written
from sparklimits.measurement.lab import Exercise, Lab, Outcome
from sparklimits.spark.counters import Counters
from sparklimits.spark.timed import Timed

#: Seconds that an arm may take for its start, for a function or a cell, and for one answer.
START, LONGEST, ANSWER = 600, 1800, 60
#: Variables that an arm sees of ours, besides those of the locale.
_KEPT = (
    "PATH", "HOME", "USER", "LOGNAME", "JAVA_HOME", "PYTHONPATH", "TZ", "LANG", "LD_LIBRARY_PATH", "SPARKLIMITS_SCALE",
)  # fmt: skip


class Arm:
    """One process with a lab's functions. It starts when it is first wanted, and again when it has ended.

    Args:
        lab: the lab.
        launch: starts the process.
        cells: what a student wrote, by the name of the function that each defines; without any, the process holds the
            naive way alone.
        session: whether it has a session of Spark.
    """

    def __init__(
        self, lab: Lab, launch: Launch, cells: Mapping[str, str] | None = None, session: bool = True
    ) -> None:
        self.lab, self._launch, self._wants_session = lab, launch, session
        self._cells = dict(cells or {})
        self._wanted = list(self._cells)
        self._deaths: Counter[str] = Counter()
        #: What cannot be had of the student's functions, by name, and why.
        self.absent: dict[str, str] = {}
        self._process: Launched | None = None
        self._starts = False
        self._watch: Watch | None = None
        #: The function or cell that runs, or ran last: what goes wrong is laid to it. None before a student's runs.
        self._at = ""
        #: Seconds from the last result until its counters were there.
        self.counting = 0.0
        self.folder = _new_place()

    @property
    def runs(self) -> bool:
        """Whether its process runs."""
        return self._process is not None

    def begin(self) -> None:
        """Has the process running, with its session of Spark, and with the student's cells.

        Raises:
            MachineError: it does not start.
        """
        while self._process is None or self._starts:
            if self._process is None:
                self.ahead()
            self._settle()

    def ahead(self) -> None:
        """Starts its process, and does not wait until that is ready: :meth:`begin` does."""
        # A folder of its own for each process: what one has left there is not to meet the next one.
        places.remove(self.folder)
        self.folder = _new_place()
        self.folder.mkdir(parents=True, mode=0o700)
        variables = {
            name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("LC_")
        }
        variables |= {"SPARKLIMITS_TMP": str(scratch().resolve().parent), "SPARKLIMITS_MASTER": "embedded"}
        command = [sys.executable, "-P", "-m", "sparklimits.grading.referee.candidate", self.lab.id]
        self._at, self._starts = "", True
        self._process = self._launch(command, variables, self.folder)
        if self._wants_session:
            self._say({"do": "start"})

    def _settle(self) -> None:
        assert self._process is not None
        self._starts = False
        try:
            if self._wants_session:
                self._answer(START)
                self._watch = Watch(self._process.pid)
            if self._wanted:
                self._run_cells()
        except (CandidateError, MachineError) as error:
            self.end()
            if not (name := self._at):
                raise
            # Once may be the machine's fault. Then the cell is left out, and the others run without it.
            self._deaths[name] += 2 if isinstance(error, CandidateError) else 1
            if self._deaths[name] > 1:
                self._cells.pop(name, None)
                self.absent[name] = str(error)

    def _run_cells(self) -> None:
        self._say({"do": "cells", "cells": self._cells, "functions": self._wanted})
        while True:
            answer = self._answer(LONGEST)
            if "absent" in answer:
                break
            if answer.get("cell") in self._cells:
                self._at = answer["cell"]
        if not isinstance(absent := answer["absent"], dict):
            raise self._unread("no word on what its cells define")
        for name in self._wanted:
            if name in absent:
                self.absent.setdefault(name, f"{self.lab.id}.ipynb, {name}: {str(absent[name])[:500]}")

    def load(self, data: Any, name: str, first: str) -> float:
        """Writes a data set for it and has it loaded; the seconds that the loading took.

        Args:
            data: the data set.
            name: of the folder.
            first: the function that will run: what goes wrong is laid to it.
        """
        self._remove_data()
        # Nothing is written where the process can write: a link of its own would lead us anywhere. What is there as a
        # whole comes in at once.
        ready, folder = written(self.lab, data, scratch() / "ready" / name), self.folder / f"data-{name}"
        self._at = first
        try:
            ready.rename(folder)
        except OSError as error:
            places.remove(ready)
            raise self._broken(messages.tell("folder_spoiled", reason=error.strerror)) from error
        began = time.perf_counter()
        self._order({"do": "load", "folder": str(folder)}, LONGEST)
        return time.perf_counter() - began

    def run(self, exercise: Exercise) -> Timed[Outcome]:
        """Runs a function: its table, the seconds from the order to the table's last byte, and Spark's counters.

        Raises:
            CandidateError: the function did not give a table, or ended its process.
            MachineError: it says that the machine failed; ``during`` names the function.
        """
        self._at = exercise.name
        before = self._watch.read() if self._watch else None
        began = time.perf_counter()
        self._say({"do": "run", "function": exercise.name})
        answer, content = self._received(LONGEST)
        seconds = time.perf_counter() - began
        after = self._watch.read() if self._watch else None
        if self._watch and self._watch.sees and after is None:
            fault = MachineError(f"An executor of Spark ended while {exercise.name} ran.")
            fault.during = exercise.name
            raise fault
        if answer.get("result") != exercise.name:
            raise self._unread("something else than a result")
        table = self._table(content, answer.get("notes"))
        began = time.perf_counter()
        counters = self._counted(self._answer(LONGEST).get("counters"))
        self.counting = time.perf_counter() - began
        if exercise.bar.counter not in counters.summary():
            raise self._unread("counters without the one that is graded")
        counters.other = {**counters.other, **counts.from_outside(before, after)}
        return Timed(Outcome(table, counters.other, table.attrs), seconds, counters)

    def clear(self) -> None:
        """Removes the data, and what was kept of them in Spark."""
        if self._process is not None:
            self._order({"do": "clear"}, LONGEST)
        self._remove_data()

    def ask(self, function: str, *values: Any) -> Any:
        """What the function answers to plain values: a plain value.

        Raises:
            CandidateError: it raised an error, or answered something else.
        """
        self._at = function
        return self._order(
            {"do": "ask", "function": function, "values": wire.plain(list(values))}, ANSWER
        ).get("answer")

    def judge(self, source: str, imports: list[str], function: str) -> tuple[str, Any]:
        """Runs a graded cell in the process: what it printed, and its value. Both come from there."""
        self.begin()
        self._at = function
        answer = self._order({"do": "judge", "source": source, "imports": imports}, LONGEST)
        return str(answer.get("printed", "")), answer.get("points")

    def freeze(self) -> None:
        """Holds the process still."""
        if self._process is not None:
            self._process.freeze()

    def thaw(self) -> None:
        """Lets the process go on."""
        if self._process is not None:
            self._process.thaw()

    def end(self) -> None:
        """Ends the process with everything below it, and removes its folder."""
        if self._process is not None:
            self._process.thaw()
            self._process.kill()
            self._process, self._starts = None, False
        places.remove(self.folder)

    def _remove_data(self) -> None:
        for old in self.folder.glob("data-*"):
            places.remove(old)

    def _order(self, order: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        self._say(order)
        return self._answer(seconds)

    def _say(self, order: Mapping[str, Any]) -> None:
        assert self._process is not None
        try:
            wire.send(self._process.out, order, seconds=LONGEST)
        except OSError as error:
            raise self._gone() from error
        except wire.Late as error:
            raise self._broken(messages.tell("too_long", seconds=f"{LONGEST:.0f}")) from error

    def _answer(self, seconds: float) -> dict[str, Any]:
        return self._received(seconds)[0]

    def _received(self, seconds: float) -> tuple[dict[str, Any], bytes]:
        """The next frame, if it tells of no error.

        Raises:
            CandidateError, MachineError: it does, or none comes.
        """
        assert self._process is not None
        try:
            answer, content = wire.receive(self._process.source, seconds)
        except wire.Ended as error:
            raise self._gone() from error
        except wire.Late as error:
            raise self._broken(messages.tell("too_long", seconds=f"{seconds:.0f}")) from error
        except wire.WireError as error:
            raise self._unread(error) from error
        if (told := answer.get("error")) is not None:
            raise self._error(told)
        return answer, content

    def _error(self, told: Any) -> CandidateError | MachineError:
        """The error that an arm tells of. An arm does not choose who is to blame: it is the function that ran."""
        if not isinstance(told, dict):
            return self._unread("an error that is none")
        message = str(told.get("message", ""))[:2_000]
        if told.get("kind") == "machine" or not self._at:
            fault = MachineError(message)
            fault.during = self._at
            return fault
        error = CandidateError(self._at, message)
        error.story, error.on_any_rows = str(told.get("story", ""))[:20_000], bool(told.get("on_any_rows"))
        return error

    def _gone(self) -> CandidateError | MachineError:
        """The error for a process that has ended. A signal may have come from a kernel that had no memory left."""
        assert self._process is not None
        code = self._process.kill()
        self._process = None
        if not self._at or (code is not None and code < 0):
            fault = MachineError(
                f"The process that ran {self._at or self.lab.id} was ended (exit code {code})."
            )
            fault.during = self._at
            return fault
        how = "it closed its pipe" if code is None else f"exit code {code}"
        error = CandidateError(self._at, messages.tell("ended_its_process", how=how))
        error.on_any_rows = True
        return error

    def _broken(self, why: str) -> CandidateError | MachineError:
        """The error for a process that cannot be talked to any more; it is ended."""
        assert self._process is not None
        self._process.thaw()
        self._process.kill()
        self._process = None
        if not self._at:
            return MachineError(f"The process of {self.lab.id} cannot be used. {why}")
        error = CandidateError(self._at, why)
        error.on_any_rows = True
        return error

    def _unread(self, what: object) -> CandidateError | MachineError:
        """The error for a process that says what cannot be read."""
        return self._broken(messages.tell("not_readable", why=what))

    def _table(self, content: bytes, notes: Any) -> pd.DataFrame:
        try:
            table = tables.unpacked(content)
            table.attrs = wire.plain(notes if isinstance(notes, dict) else {})
        except wire.WireError as error:
            raise self._unread(error) from error
        return table

    def _counted(self, told: Any) -> Counters:
        try:
            return counts.read(told, self.lab.constraints.slots)
        except ValueError as error:
            raise self._unread("counters that are none") from error


def _new_place() -> Path:
    return scratch() / "arms" / os.urandom(8).hex()
