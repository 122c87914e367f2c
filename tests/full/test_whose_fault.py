"""A fault of the machine never costs marks, and costs nobody else's: each is made to happen here."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sparklimits import notebook
from sparklimits.errors import MachineError
from sparklimits.machine import web
from sparklimits.measurement.experiment import Experiment
from sparklimits.measurement.plan import ROUGH
from sparklimits.measurement.verdict import PROVISIONAL
from sparklimits.notebook import OpenLab
from tests.sessions import short
from tests.tiny_lab import LAB, REFERENCE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOST = (
    "Job aborted due to stage failure: Task 0 in stage 3.0 failed 4 times, most recent failure: Lost task 0.3 in "
    "stage 3.0: ExecutorLostFailure (executor 1 exited caused by one of the running tasks)"
)


def failing(times: int, error: Exception) -> Callable[[Any], Any]:
    """The reference's ``odd``, which meets the error so many times before it runs."""
    left = [times]

    def odd(numbers: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise error
        return REFERENCE["odd"](numbers)

    return odd


def full_disk(times: int) -> Callable[[Any, Path], Path]:
    """The lab's own way of writing data, on a disk that is full so many times."""
    left = [times]

    def write(data: Any, folder: Path) -> Path:
        if left[0]:
            left[0] -= 1
            raise OSError(errno.ENOSPC, "No space left on device")
        return LAB.write_data(data, folder)

    return write


@pytest.fixture
def spark() -> SparkSession:
    return short(LAB.constraints)


def measured(spark: SparkSession, odd: Any = None, **changes: Any) -> Any:
    experiment = Experiment(replace(LAB, **changes), spark, plan=ROUGH)
    return experiment.measure({**REFERENCE, **({"odd": odd} if odd else {})})


def test_a_disk_that_was_full_once_costs_nothing(spark: SparkSession) -> None:
    result = measured(spark, write_data=full_disk(1))
    assert result.pairs == 2
    assert (result.share("even"), result.share("odd")) == (1.0, 1.0)


def test_a_disk_that_stays_full_is_undecided_with_the_reason(spark: SparkSession) -> None:
    result = measured(spark, write_data=full_disk(99))
    assert result.verdict == "inconclusive"
    assert result.reasons[0].startswith("The disk is full. Free some space, or set SPARKLIMITS_TMP")
    assert set(result.shares.values()) == {PROVISIONAL}


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (RuntimeError(LOST), "An executor was lost"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "Your quota of disk space is used up"),
        (RuntimeError("java.io.IOException: File too large"), "A file became larger than this machine lets you write"),
        (RuntimeError("java.io.FileNotFoundException: /x (Too many open files)"), "Too many files are open"),
    ],
)  # fmt: skip
def test_a_fault_that_one_function_alone_meets_is_left_to_a_person(
    spark: SparkSession, error: Exception, says: str
) -> None:
    once = measured(spark, failing(1, error))
    assert (once.share("even"), once.share("odd")) == (1.0, 1.0)
    always = measured(spark, failing(99, error))
    assert always.verdict == "inconclusive"
    assert says in always.reasons[0]
    assert "The naive way ran here: a person decides." in always.reasons[0]
    # Raising such an error on purpose earns nothing; the other function keeps its marks.
    assert (always.share("even"), always.share("odd")) == (1.0, 0.0)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("java.lang.OutOfMemoryError: Java heap space"),
        RuntimeError(f"{LOST}: exited with code 52"),
        MemoryError("my own list"),
    ],
)
def test_work_that_is_too_large_for_its_memory_is_the_functions_fault(
    spark: SparkSession, error: Exception
) -> None:
    result = measured(spark, failing(99, error))
    assert result.verdict == "failed"
    assert (result.share("even"), result.share("odd")) == (1.0, 0.0)


def test_a_session_that_dies_is_replaced_and_the_measurement_goes_on(spark: SparkSession) -> None:
    from pyspark import SparkContext

    killed = []

    def odd(numbers: Any) -> Any:
        if not killed:
            killed.append(SparkContext._gateway.proc.pid)  # type: ignore[union-attr]
            os.kill(killed[0], signal.SIGKILL)
        return REFERENCE["odd"](numbers)

    result = measured(spark, odd)
    assert killed
    assert result.pairs == 2
    assert (result.share("even"), result.share("odd")) == (1.0, 1.0)


def test_a_silent_page_of_spark_is_undecided(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> web.Connection:
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")

    monkeypatch.setattr(web, "Connection", refused)
    result = measured(spark)
    assert result.verdict == "inconclusive"
    assert "does not answer" in result.reasons[0]
    assert set(result.shares.values()) == {PROVISIONAL}


# In a notebook


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> OpenLab:
    """The tiny lab, opened in a notebook that holds the reference's functions."""
    monkeypatch.setattr(notebook, "Experiment", partial(Experiment, plan=ROUGH))
    for name, function in REFERENCE.items():
        monkeypatch.setattr(sys.modules["__main__"], name, function, raising=False)
    return OpenLab(LAB)


def test_a_cell_that_did_not_run_costs_its_own_marks_only(
    opened: OpenLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(sys.modules["__main__"], "even")
    result = opened.also_on(opened.prove(), "other", 1)
    assert result.verdict == "failed"
    assert "even is not defined: its cell was not run, or ended with an error" in result.reasons
    assert (result.share("even"), result.share("odd")) == (0.0, 1.0)


def test_whatever_goes_wrong_prove_gives_a_result(opened: OpenLab, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a slip of ours")

    monkeypatch.setattr(Experiment, "measure", broken)
    result = opened.prove()
    assert result.verdict == "inconclusive"
    assert "KeyError: 'a slip of ours'" in result.reasons[0]
    assert result.share("odd") == PROVISIONAL


def test_the_hidden_test_takes_marks_from_what_is_wrong_and_from_nothing_else(
    opened: OpenLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    proved = opened.prove()
    assert opened.also_on(proved, "other", 1) == proved
    with monkeypatch.context() as patch:
        patch.setattr(Experiment, "run", lambda *_: (_ for _ in ()).throw(MachineError("The disk is full.")))
        found = opened.also_on(proved, "other", 1)
    assert found.verdict == "inconclusive"
    assert found.shares == proved.shares
    monkeypatch.setattr(sys.modules["__main__"], "odd", lambda numbers: LAB.naive["odd"](numbers.limit(8)))
    found = opened.also_on(proved, "other", 1)
    assert found.verdict == "wrong"
    assert (found.share("even"), found.share("odd"), found.share("speed")) == (1.0, 0.0, 0.0)
