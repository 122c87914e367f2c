"""One call of a function: its table, collected and checked; or whose fault it is that there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from sparklimits.errors import CandidateError, MachineError, in_one_line
from sparklimits.machine import faults, messages, reasons
from sparklimits.measurement.lab import Exercise, Outcome, Quality, Solution
from sparklimits.spark import interrupts


def collected(exercise: Exercise, solution: Solution, inputs: Mapping[str, Any]) -> Outcome:
    """Runs the solution of an exercise and collects its table, with nothing on it but the notes of the drive.

    Raises:
        CandidateError: the solution raised an error, or returned something that is no table.
        MachineError: an error came, and it is the machine's.
    """
    try:
        outcome = exercise.call(solution, inputs)
        table = outcome.table
        if not isinstance(table, pd.DataFrame):
            if not is_table(table):
                raise not_a_table(exercise.name, table)
            table = table.toPandas()
    except (CandidateError, MachineError):
        raise
    except (Exception, SystemExit) as error:
        interrupts.heed()
        if fault := fault_of(error):
            raise fault from error
        raise CandidateError(exercise.name, str(reasons.of(error))) from error
    table = pd.DataFrame(table)
    table.attrs = dict(outcome.notes)
    return Outcome(table, outcome.counts, outcome.notes)


def is_table(found: Any) -> bool:
    """Whether this is a table of Spark. A column would say that it has everything that it is asked for."""
    return callable(getattr(type(found), "toPandas", None))


def not_a_table(function: str, found: Any) -> CandidateError:
    """The error for a function that returned something else than a table."""
    kind = "None" if found is None else f"a value of the kind `{type(found).__name__}`"
    return CandidateError(function, messages.tell("not_a_table", kind=kind))


def whatever_the_rows(error: CandidateError) -> bool:
    """Whether a function would meet this error on any rows: no table, a wrong column, an unknown name."""
    if error.on_any_rows is not None:
        return error.on_any_rows
    cause = error.__cause__
    kinds = {type(cause).__name__, *(base.__name__ for base in type(cause).__mro__)}
    return cause is None or bool(kinds & {"AnalysisException", "NameError", "ImportError", "SyntaxError"})


def story(error: CandidateError) -> str:
    """All that was said of an error of a function."""
    return error.story or reasons.story(error)


def checked(exercise: Exercise, result: pd.DataFrame, data: Any) -> Quality:
    """The quality of a result. One that cannot even be compared is wrong: a table may hold anything."""
    try:
        return exercise.check(result, data)
    except Exception as error:
        reason = (
            f"{exercise.name}: the result cannot be compared ({type(error).__name__}: {in_one_line(error)})"
        )
        return Quality(broken=(reason,))


def fault_of(error: BaseException) -> MachineError | None:
    if (reason := faults.of_the_machine(error)) is None:
        return None
    return MachineError(f"{reason} ({type(error).__name__}: {in_one_line(error)})")
