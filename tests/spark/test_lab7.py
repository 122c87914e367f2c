"""Lab 7 measured from end to end: nothing of it runs on the cluster, and its counts come when the clock has stopped."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from sparklimits.display import figures
from sparklimits.errors import CandidateError
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs.lab7_gpu import LAB
from sparklimits.measurement.bench import in_session
from sparklimits.measurement.experiment import Experiment
from sparklimits.measurement.lab import Outcome
from tests.sessions import shared


def test_the_reference_earns_all_counts_without_a_task_of_spark() -> None:
    result = Experiment(LAB, shared(LAB), scale=0.1).measure(load_functions(reference_path(LAB), LAB))
    assert result.verdict == "inconclusive", result.reasons  # so few rows are not for the clock
    assert {part: result.share(part) for part in LAB.bars} == dict.fromkeys(LAB.bars, 1.0)
    assert result.arms["candidate"].summary["tasks"] == 0
    assert result.arms["baseline"].functions["train_epoch"]["operations"] > 20_000
    assert result.quality["train_epoch_loss"] < result.quality["train_epoch_target"] + 0.03
    assert any(name == "train_epoch, median seconds" for name, *_ in result.rows())
    assert len(figures.comparison(result).axes) == 1


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
