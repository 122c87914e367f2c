"""Lab 0 asks two functions many questions: what they say, beside what is right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sparklimits.errors import MachineError
from sparklimits.labs.lab0_measuring.data import Pairs
from sparklimits.measurement import pairs
from sparklimits.measurement.lab import Outcome, Solution
from sparklimits.spark.counters import Counters

#: Numbers of an answer to ``ratio`` may differ by this share.
CLOSE = 1e-3


def judge_ratios(solution: Solution, measurements: Sequence[Pairs]) -> pd.DataFrame:
    """What the function says of each measurement, beside what is right.

    Columns ``pairs`` (how many), ``speedup``, ``low``, ``high``, the same three as ``your …``, and ``wrong``: 0, or 1
    when the speedup or the interval is wrong, or 2.
    """
    rows = []
    for baseline, candidate in measurements:
        right = pairs.ratio(baseline, candidate)
        exact = (right.speedup, right.low, right.high)
        yours = _three_numbers(solution, baseline, candidate)
        same = [math.isclose(one, other, rel_tol=CLOSE) for one, other in zip(exact, yours, strict=True)]
        rows.append((len(baseline), *exact, *yours, (not same[0]) + (not (same[1] and same[2]))))
    names = ["speedup", "low", "high"]
    table = pd.DataFrame(rows, columns=["pairs", *names, *(f"your {name}" for name in names), "wrong"])
    return table


def _three_numbers(solution: Solution, baseline: list[float], candidate: list[float]) -> list[float]:
    """The function's answer; not-a-number where it gave none. One that fails has given a wrong answer, no more."""
    try:
        speedup, low, high = (float(one) for one in solution(list(baseline), list(candidate)))
    except MachineError:
        raise
    except Exception:
        return [math.nan] * 3
    return [speedup, low, high]


def judge_causes(solution: Solution, runs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """What the function says of each run: ``job``, ``cause``, ``yours``, ``wrong`` (0 or 1)."""
    rows = []
    for run in runs:
        try:
            yours = solution(dict(run["counters"]))
        except MachineError:
            raise
        except Exception as error:
            yours = f"{type(error).__name__}: {error}"
        rows.append((run["job"], run["cause"], str(yours), int(yours != run["cause"])))
    table = pd.DataFrame(rows, columns=["job", "cause", "yours", "wrong"])
    return table


def drive_ratio(solution: Solution, inputs: Mapping[str, Any]) -> Outcome:
    """Asks the function about all measurements, and counts its wrong answers."""
    table = judge_ratios(solution, inputs["measurements"])
    return Outcome(table, {"wrong_answers": int(table["wrong"].sum())})


def drive_bottleneck(solution: Solution, inputs: Mapping[str, Any]) -> Outcome:
    """Asks the function about all recorded runs, and counts the wrong causes."""
    table = judge_causes(solution, inputs["runs"])
    return Outcome(table, {"wrong_causes": int(table["wrong"].sum())})


def judge_questions(fit: Counters, jobs: Any, tasks: Any) -> float:
    """Share of the two questions about Spark's page that are answered right: jobs, and tasks of each stage."""
    most = max(len(tasks) for tasks in fit.stages().values())
    return (_is(jobs, fit.jobs) + _is(tasks, most)) / 2


def _is(answer: Any, right: int) -> bool:
    try:
        return float(answer) == right
    except (TypeError, ValueError):
        return False
