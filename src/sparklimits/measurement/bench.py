"""Where a lab's functions run while they are measured: on a session of this process, or in processes of their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sparklimits.errors import CandidateError, MachineError, WorkLeftRunningError
from sparklimits.machine.paths import scratch
from sparklimits.measurement.calls import collected, fault_of
from sparklimits.measurement.lab import Exercise, Lab, Outcome, Solution
from sparklimits.spark import interrupts, session
from sparklimits.spark.timed import Timed, timed

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Bench(Protocol):
    """What a measurement needs of the place where functions run."""

    @property
    def backend(self) -> str:
        """The kind of cluster."""

    def run(
        self, exercises: Sequence[Exercise], solutions: Mapping[str, Solution], data: Any, name: str
    ) -> dict[str, Timed[Outcome]]:
        """Runs the functions of these exercises in turn on the data: collected tables, seconds, counters, by name.

        Args:
            exercises: what runs, in this order.
            solutions: a function for each of them, by its name.
            data: a data set that no run has had.
            name: of the folder that the data are written to.

        Raises:
            CandidateError: a function raised an error, or returned something that is no table.
            MachineError: the machine failed; ``during`` names the function that ran, if one did.
        """

    def recover(self) -> None:
        """Replaces what has died."""


class InSession:
    """Runs functions on a session of this process; one that dies is replaced."""

    def __init__(self, lab: Lab, spark: SparkSession) -> None:
        self.lab, self.spark = lab, spark

    @property
    def backend(self) -> str:
        """The kind of cluster."""
        return session.backend()

    def run(
        self, exercises: Sequence[Exercise], solutions: Mapping[str, Solution], data: Any, name: str
    ) -> dict[str, Timed[Outcome]]:
        """See :class:`Bench`. The clock runs from the call of a function until its result is in this process."""
        folder = written(self.lab, data, scratch() / "data" / name)
        try:
            with session.pristine(self.spark):
                inputs = self.lab.load(self.spark, folder)
                return {
                    one.name: in_session(self.spark, one, solutions[one.name], inputs) for one in exercises
                }
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def recover(self) -> None:
        """Starts a new session in the place of one that has died."""
        if not session.is_alive(self.spark):
            self.spark = session.get(self.lab.constraints, self.lab.id)


def in_session(
    spark: SparkSession,
    exercise: Exercise,
    solution: Solution,
    inputs: Mapping[str, Any],
    deliver: Callable[[Outcome], None] = lambda outcome: None,
) -> Timed[Outcome]:
    """One function's run on this session: its collected table, the seconds, and what was counted.

    ``deliver`` is called with the collected table before the counters are read.

    Raises:
        CandidateError, MachineError: see :class:`Bench`.
    """

    def work() -> Outcome:
        outcome = collected(exercise, solution, inputs)
        deliver(outcome)
        return outcome

    try:
        found = timed(spark, exercise.name, work)
        found.counters.other = dict(
            found.output.counts
        )  # some are counted when they are read: now, off the clock
        interrupts.heed()  # a function can swallow it
    except WorkLeftRunningError as error:
        raise CandidateError(exercise.name, str(error)) from error
    except (CandidateError, MachineError) as error:
        fault = error if isinstance(error, MachineError) else None
        if fault is None and not session.is_alive(spark):
            fault = MachineError(f"Spark has ended. {error}.")
        if fault is None:
            raise
        fault.during = exercise.name
        raise fault from error
    return found


def written(lab: Lab, data: Any, folder: Path) -> Path:
    """Writes a data set into this new folder, and returns it.

    Raises:
        MachineError: the disk does not take it.
    """
    try:
        return lab.write_data(data, folder)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise fault_of(error) or error from error
