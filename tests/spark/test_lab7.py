"""Counts that are made when they are read: after the clock has stopped."""

from __future__ import annotations

import time
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

    class Slow(dict[str, float]):
        def keys(self) -> Any:
            time.sleep(0.3)
            return super().keys()

    class Failing(dict[str, float]):
        def keys(self) -> Any:
            raise CandidateError(exercise.name, "a second pass failed")

    def run(counts: dict[str, float]) -> Any:
        table = pd.DataFrame({"weight": [0.0]})
        one = replace(exercise, drive=lambda solution, inputs: Outcome(table, counts))
        return in_session(spark, one, one.naive, {})

    found = run(Slow(operations=3))
    assert found.counters.other == {"operations": 3}
    assert found.seconds < 0.25
    with pytest.raises(CandidateError, match="a second pass failed"):
        run(Failing(operations=3))
