"""Counts that are made when they are read: after the clock has stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from sparklimits.errors import CandidateError
from sparklimits.labs.lab7_gpu import LAB
from sparklimits.measurement.bench import in_session
from sparklimits.measurement.lab import Outcome
from tests.sessions import shared


def test_what_is_counted_when_it_is_read_takes_no_time_and_its_error_is_the_function_s() -> None:
    spark = shared(LAB)
    (exercise, _) = LAB.exercises

    class Counts(Mapping[str, float]):
        """As lab 7 counts: by a pass that runs when it is asked for."""

        def __init__(self, second_pass: Callable[[], float]) -> None:
            self._second_pass = second_pass

        def __getitem__(self, name: str) -> float:
            return self._second_pass()

        def __iter__(self) -> Iterator[str]:
            return iter(["operations"])

        def __len__(self) -> int:
            return 1

    def slow() -> float:
        time.sleep(0.3)
        return 3.0

    def failing() -> float:
        raise CandidateError(exercise.name, "a second pass failed")

    def run(second_pass: Callable[[], float]) -> Any:
        table = pd.DataFrame({"weight": [0.0]})
        one = replace(exercise, drive=lambda solution, inputs: Outcome(table, Counts(second_pass)))
        return in_session(spark, one, one.naive, {})

    found = run(slow)
    assert found.counters.other == {"operations": 3}
    assert found.seconds < 0.25
    with pytest.raises(CandidateError, match="a second pass failed"):
        run(failing)
