"""Spark's own counters of one piece of work: what was read, written, moved and spilled, task by task.

Counters repeat exactly between runs of the same job on the same data and the same shape of cluster; clocks do not.
:mod:`sparklimits.spark.page` reads them.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Task:
    """One finished task. Times are seconds: ``start`` since the work began, ``seconds`` on the executor.

    ``result_bytes`` is what it sent to the driver, unless Spark took it there to broadcast it.
    """

    stage: int
    executor: str
    start: float
    seconds: float
    input_records: int
    read_records: int
    written_records: int
    read_bytes: int
    remote_bytes: int
    written_bytes: int
    memory_spilled: int
    disk_spilled: int
    gc_seconds: float
    result_bytes: int

    @property
    def records(self) -> int:
        """Records that this task took from a shuffle and gave to the next one."""
        return self.read_records + self.written_records


#: Names of ``Counters.other``.
DRIVER, CLUSTER = "driver_processor_seconds", "cluster_processor_seconds"
BALANCE = "executor_processor_ratio"


@dataclass
class Counters:
    """The work of one run, on a cluster that runs ``slots`` tasks at a time.

    ``forgotten`` are jobs that ran and that Spark's page does not know any more: where there are any, all counts
    are too small. ``other`` counts by name what was done outside of Spark. Some of it the kernel counted: ``DRIVER``
    and ``CLUSTER`` are processor seconds of the driver's Python, with what it started beside Spark, and of the
    executors; ``BALANCE`` is those of the busiest executor over an even share.
    """

    jobs: int = 0
    tasks: list[Task] = field(default_factory=list)
    slots: int = 2
    forgotten: int = 0
    other: Mapping[str, float] = field(default_factory=dict)

    def stages(self) -> dict[int, list[Task]]:
        """The tasks by stage, in the order of stage numbers."""
        ordered = sorted(self.tasks, key=lambda task: (task.stage, task.start))
        return {
            stage: list(group) for stage, group in itertools.groupby(ordered, key=lambda task: task.stage)
        }

    def straggler(self) -> list[Task]:
        """The tasks of the stage that holds the heaviest task, among the stages that read a shuffle."""
        shuffled = [tasks for tasks in self.stages().values() if any(task.read_records for task in tasks)]
        return max(shuffled, key=lambda tasks: max(task.records for task in tasks), default=[])

    def straggler_ratio(self) -> float:
        """Records of the heaviest task over those of the median task, in the straggler's stage.

        A stage with fewer than two tasks for each slot is filled up with empty ones: putting all work into one
        task is no balance.
        """
        records = sorted(task.records for task in self.straggler())
        if not records:
            return 1.0
        records = [0] * (2 * self.slots - len(records)) + records
        return records[-1] / max(1.0, statistics.median(records))

    def slot_ratio(self) -> float:
        """Records of the largest task over an even share for every slot: 1 when all slots can be busy at once.

        It is the number of slots when one task takes all records. What counts is the worst of the stages in which the
        data ended: those that took in at least half as many records as the stage that took in the most, and gave less
        than half of them to a shuffle. A stage that only deals its records out is none of them; where no other one is,
        it is the last.
        """
        stages = [
            (
                [task.input_records + task.read_records for task in tasks],
                sum(task.written_records for task in tasks),
            )
            for tasks in self.stages().values()
        ]
        most = max((sum(taken) for taken, _ in stages), default=0)
        if not most:
            return 1.0
        through = [(taken, given) for taken, given in stages if 2 * sum(taken) >= most]
        ends = [taken for taken, given in through if 2 * given < sum(taken)] or [through[-1][0]]
        return max(1.0, *(self.slots * max(taken) / sum(taken) for taken in ends))

    def summary(self) -> dict[str, float]:
        """Totals by name, as plain numbers: what ``run --json`` calls evidence. Spark's own win."""
        tasks = self.tasks
        straggler = self.straggler()
        seconds = [task.seconds for task in straggler] or [0.0]
        return {
            **self.other,
            "jobs": self.jobs,
            "tasks": len(tasks),
            "input_records": sum(task.input_records for task in tasks),
            "shuffle_records": sum(task.written_records for task in tasks),
            "shuffle_bytes": sum(task.written_bytes for task in tasks),
            "remote_bytes": sum(task.remote_bytes for task in tasks),
            "memory_spilled_bytes": sum(task.memory_spilled for task in tasks),
            "disk_spilled_bytes": sum(task.disk_spilled for task in tasks),
            "result_bytes": sum(task.result_bytes for task in tasks),
            "heaviest_task_records": max((task.records for task in straggler), default=0),
            "median_task_records": statistics.median(task.records for task in straggler) if straggler else 0,
            "straggler_ratio": round(self.straggler_ratio(), 3),
            "slot_ratio": round(self.slot_ratio(), 3),
            "straggler_time_ratio": round(max(seconds) / max(1e-3, statistics.median(seconds)), 2),
            "task_seconds": round(sum(task.seconds for task in tasks), 3),
            "gc_seconds": round(sum(task.gc_seconds for task in tasks), 3),
        }

    def as_json(self) -> list[dict[str, Any]]:
        """The tasks as plain dictionaries."""
        return [asdict(task) for task in self.tasks]


def merged(parts: Sequence[Counters]) -> Counters:
    """The work of several runs on one cluster together."""
    return Counters(
        jobs=sum(part.jobs for part in parts),
        tasks=[task for part in parts for task in part.tasks],
        slots=max((part.slots for part in parts), default=2),
        forgotten=sum(part.forgotten for part in parts),
        other={name: count for part in parts for name, count in part.other.items()},
    )


def counter_name(counter: str) -> str:
    """A counter's name for a reader: ``shuffle_bytes`` is "shuffle, MB"."""
    if counter.endswith("_bytes"):
        return counter.removesuffix("_bytes").replace("_", " ") + ", MB"
    return counter.replace("_", " ")


def counter_value(counter: str, value: float) -> str:
    """A counter's value for a reader, bytes as megabytes (of a million)."""
    if counter.endswith("_bytes"):
        return f"{value / 1e6:,.2f}" if value < 1e7 else f"{value / 1e6:,.0f}"
    return f"{value:,.1f}" if counter.endswith("ratio") else f"{value:,.0f}"
