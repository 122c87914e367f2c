"""Counters of a run: those that an arm tells, when they can be counters, and those that the kernel gives."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from sparklimits.grading.referee.usage import Usage
from sparklimits.spark.counters import BALANCE, CLUSTER, DRIVER, Counters, Task

_INTEGERS = {one.name for one in fields(Task) if one.type == "int"}
#: No count of a lab comes near it; sums and ratios of counts below it are numbers too.
_MOST = 1e15


def read(told: Any, slots: int) -> Counters:
    """The counters in an arm's answer.

    Args:
        told: what the arm said.
        slots: of the lab's cluster.

    Raises:
        ValueError: they are no counters.
    """
    try:
        tasks = [
            Task(**{one.name: _value(task[one.name], one.name) for one in fields(Task)})
            for task in told["tasks"]
        ]
        other = {str(name)[:80]: _number(count) for name, count in dict(told["other"]).items()}
        for ours in (DRIVER, CLUSTER, BALANCE):  # no process tells these of itself
            other.pop(ours, None)
        return Counters(
            jobs=int(_number(told["jobs"])),
            tasks=tasks,
            slots=slots,
            forgotten=int(_number(told["forgotten"])),
            other=other,
        )
    except (KeyError, TypeError) as error:
        raise ValueError("no counters") from error


def from_outside(before: Usage | None, after: Usage | None) -> dict[str, float]:
    """What the kernel counted between two readings, if it could be read."""
    if before is None or after is None:
        return {}
    used = after.since(before)
    return {DRIVER: round(used.driver, 3), CLUSTER: round(used.cluster, 3), BALANCE: round(used.ratio, 3)}


def _value(value: Any, name: str) -> Any:
    if name == "executor":
        if type(value) is not str or len(value) > 80:
            raise ValueError(name)
        return value
    if name == "start":  # in milliseconds of Spark's clock, it may be a little before ours
        return float(value) if type(value) in (int, float) and abs(value) <= _MOST else _number(value)
    return int(_number(value)) if name in _INTEGERS else _number(value)


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value <= _MOST:
        raise ValueError("no count")
    return value
