"""The program of an arm: it holds a lab's functions and a session of Spark, and does what the referee says.

The functions are the lab's naive ones, and those of cells that a student wrote. All of that is in this process, so
nothing that it says is believed: the other side has the clock, the data's seed and the checks.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from sparklimits import labs
from sparklimits.errors import CandidateError, MachineError, SparkLimitsError
from sparklimits.grading.referee import tables, wire
from sparklimits.grading.shell import run_cells
from sparklimits.machine import reasons, user
from sparklimits.measurement.bench import in_session
from sparklimits.measurement.calls import whatever_the_rows
from sparklimits.measurement.lab import Lab, Outcome
from sparklimits.spark import session
from sparklimits.spark.constraints import Constraints

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: An arm that is held still while the other one runs is silent for minutes, and nobody is dead.
_PATIENT = {"spark.network.timeout": "7200s", "spark.worker.timeout": "7200"}
#: Characters of a message that the other side shows.
_MOST_TEXT = 20_000


class _Arm:
    def __init__(self, lab: Lab, source: int, out: int) -> None:
        self._lab, self._source, self._out = lab, source, out
        seen = lab.facts.exercises if lab.facts is not None else ()
        self._exercises = {one.name: one for one in (*seen, *lab.exercises)}
        self._functions: dict[str, Any] = {name: one.naive for name, one in self._exercises.items()}
        self._namespace: dict[str, Any] = {}
        self._spark: SparkSession | None = None
        self._round = contextlib.ExitStack()
        self._inputs: Mapping[str, Any] = {}

    def serve(self) -> NoReturn:
        """Does what it is told, until the other side has gone."""
        does: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "start": self._start, "cells": self._cells, "load": self._load, "run": self._run, "clear": self._clear,
            "ask": self._ask, "judge": self._judge,
        }  # fmt: skip
        while True:
            try:
                order, _ = wire.receive(self._source)
            except wire.Ended:
                session.stop()
                sys.exit(0)
            try:
                answer = does[order["do"]](order)
            except Exception as error:
                answer = {"error": _told(error)}
            wire.send(self._out, answer)

    def _start(self, order: dict[str, Any]) -> dict[str, Any]:
        wanted = self._lab.constraints
        patient: Constraints = replace(wanted, settings={**wanted.settings, **_PATIENT})
        self._spark = session.get(patient, self._lab.id)
        return {"started": True}

    def _cells(self, order: dict[str, Any]) -> dict[str, Any]:
        """Runs a student's cells, and says of each before it runs: what ends this process is known then."""
        self._namespace, errors = run_cells(
            order["cells"], Path.cwd(), lambda name: wire.send(self._out, {"cell": name})
        )
        for name in order["functions"]:
            if callable(self._namespace.get(name)):
                self._functions[name] = self._namespace[name]
            else:
                self._functions.pop(name, None)
                errors.setdefault(name, f"{name} is not defined")
        return {"absent": {name: errors[name] for name in order["functions"] if name not in self._functions}}

    def _load(self, order: dict[str, Any]) -> dict[str, Any]:
        self._clear(order)
        self._round.enter_context(session.pristine(self._session()))
        self._inputs = self._lab.load(self._session(), Path(order["folder"]))
        return {"loaded": True}

    def _clear(self, order: dict[str, Any]) -> dict[str, Any]:
        self._inputs = {}
        self._round.close()
        return {"cleared": True}

    def _run(self, order: dict[str, Any]) -> dict[str, Any]:
        """Runs a function. The result leaves before its counters are read: the clock stops at its last byte."""
        exercise = self._exercises[order["function"]]

        def deliver(outcome: Outcome) -> None:
            try:
                notes, content = wire.plain(dict(outcome.notes)), tables.packed(outcome.table)
            except Exception as error:
                raise CandidateError(
                    exercise.name, f"the result is no table of plain values: {error}"
                ) from error
            wire.send(self._out, {"result": exercise.name, "notes": notes}, content)

        found = in_session(
            self._session(), exercise, self._functions[exercise.name], self._inputs, deliver
        ).counters
        return {
            "counters": {
                "jobs": found.jobs,
                "forgotten": found.forgotten,
                "other": {name: float(count) for name, count in found.other.items()},
                "tasks": [asdict(task) for task in found.tasks],
            }
        }

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        return {"answer": wire.plain(self._functions[order["function"]](*order["values"]))}

    def _judge(self, order: dict[str, Any]) -> dict[str, Any]:
        """Runs a graded cell beside the student's cells; for what cannot leave this process, such as a network."""
        from sparklimits.grading.referee import points

        printed, value = points.run(order["source"], {**self._namespace, **points.imported(order["imports"])})
        return {"printed": printed[:_MOST_TEXT], "points": value}

    def _session(self) -> SparkSession:
        if self._spark is None:
            raise MachineError("No session of Spark was started here.")
        return self._spark


def _told(error: Exception) -> dict[str, Any]:
    """What the other side is told of an error."""
    if isinstance(error, CandidateError):
        message = str(error).removeprefix(f"{error.function}: ")
        return {
            "kind": "candidate",
            "message": message[:_MOST_TEXT],
            "story": reasons.story(error)[:_MOST_TEXT],
            "on_any_rows": whatever_the_rows(error),
        }
    kind = "machine" if isinstance(error, MachineError) else "other"
    message = str(error) if isinstance(error, SparkLimitsError) else str(reasons.of(error))
    return {"kind": kind, "message": message[:_MOST_TEXT], "story": "", "on_any_rows": True}


def main() -> None:
    """Takes standard input and output for the orders, out of the reach of what prints, and serves."""
    source, out = os.dup(0), os.dup(1)  # not inherited by what is started from here
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    user.settle()
    _Arm(labs.find(sys.argv[1]), source, out).serve()


if __name__ == "__main__":
    main()
