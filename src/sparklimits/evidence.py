"""Spark's own counters for one piece of work: what was read, written, moved and spilled, task by task.

Counters repeat exactly between runs of the same job; clocks do not. They are read from Spark's REST interface
(https://spark.apache.org/docs/latest/monitoring.html#rest-api) for the jobs of one job group.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import statistics
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sparklimits.errors import SparkLimitsError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_groups = itertools.count()


@dataclass(frozen=True)
class Task:
    """One finished task. Times are seconds: ``start`` since the work began, ``seconds`` on the executor."""

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

    @property
    def records(self) -> int:
        """Records that this task took from a shuffle and gave to the next one."""
        return self.read_records + self.written_records


@dataclass
class Counters:
    """The work of one run, from Spark's counters; ``other`` counts by name what was done outside of Spark."""

    jobs: int = 0
    tasks: list[Task] = field(default_factory=list)
    other: dict[str, float] = field(default_factory=dict)

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

    def straggler_ratio(self, slots: int = 2) -> float:
        """Records of the heaviest task over those of the median task, in the straggler's stage.

        A stage with fewer than ``2 * slots`` tasks is filled up with empty ones: putting all work into one
        task is no balance.
        """
        records = sorted(task.records for task in self.straggler())
        if not records:
            return 1.0
        records = [0] * (2 * slots - len(records)) + records
        return records[-1] / max(1.0, statistics.median(records))

    def slot_ratio(self, slots: int = 2) -> float:
        """Records of the largest task over an even share for every slot: 1 when all slots can be busy at once.

        It is ``slots`` when one task takes all records. What counts is the last stage through which the data went:
        the last one that took in at least half as many records as the stage that took in the most.
        """
        taken = [
            [task.input_records + task.read_records for task in tasks] for tasks in self.stages().values()
        ]
        most = max(map(sum, taken), default=0)
        if not most:
            return 1.0
        last = next(records for records in reversed(taken) if 2 * sum(records) >= most)
        return max(1.0, slots * max(last) / sum(last))

    def summary(self, slots: int = 2) -> dict[str, float]:
        """Totals by name, as plain numbers; what ``run --json`` calls evidence."""
        tasks = self.tasks
        straggler = self.straggler()
        seconds = [task.seconds for task in straggler] or [0.0]
        return {
            "jobs": self.jobs,
            "tasks": len(tasks),
            "input_records": sum(task.input_records for task in tasks),
            "shuffle_records": sum(task.written_records for task in tasks),
            "shuffle_bytes": sum(task.written_bytes for task in tasks),
            "remote_bytes": sum(task.remote_bytes for task in tasks),
            "memory_spilled_bytes": sum(task.memory_spilled for task in tasks),
            "disk_spilled_bytes": sum(task.disk_spilled for task in tasks),
            "heaviest_task_records": max((task.records for task in straggler), default=0),
            "median_task_records": statistics.median(task.records for task in straggler) if straggler else 0,
            "straggler_ratio": round(self.straggler_ratio(slots), 3),
            "slot_ratio": round(self.slot_ratio(slots), 3),
            "straggler_time_ratio": round(max(seconds) / max(1e-3, statistics.median(seconds)), 2),
            "task_seconds": round(sum(task.seconds for task in tasks), 3),
            "gc_seconds": round(sum(task.gc_seconds for task in tasks), 3),
            **self.other,
        }

    def as_json(self) -> list[dict[str, Any]]:
        """The tasks as plain dictionaries."""
        return [asdict(task) for task in self.tasks]


def words(counter: str) -> str:
    """A counter's name for a reader: ``shuffle_bytes`` is "shuffle, MB"."""
    if counter.endswith("_bytes"):
        return counter.removesuffix("_bytes").replace("_", " ") + ", MB"
    return counter.replace("_", " ")


def shown(counter: str, value: float) -> str:
    """A counter's value for a reader, bytes as megabytes (of a million)."""
    if counter.endswith("_bytes"):
        return f"{value / 1e6:,.2f}" if value < 1e7 else f"{value / 1e6:,.0f}"
    return f"{value:,.1f}" if counter.endswith("ratio") else f"{value:,.0f}"


@contextlib.contextmanager
def collect(spark: SparkSession, label: str = "work") -> Iterator[Counters]:
    """Runs the body as one job group; the counters are complete when the block ends.

    Raises:
        SparkLimitsError: Spark's page does not answer (it is switched off, or the session is dead).
    """
    context = spark.sparkContext
    group = f"sparklimits-{next(_groups)}"
    counters = Counters()
    began = time.time()
    context.setJobGroup(group, label)
    try:
        yield counters
    finally:
        for key in ("spark.jobGroup.id", "spark.job.description"):
            context.setLocalProperty(key, None)  # type: ignore[arg-type]  # None removes the property
    jobs = [_finished_job(spark, job) for job in context.statusTracker().getJobIdsForGroup(group)]
    counters.jobs = len(jobs)
    for stage in sorted({stage for job in jobs for stage in job["stageIds"]}):
        counters.tasks.extend(_stage_tasks(spark, stage, began))


def _finished_job(spark: SparkSession, job: int) -> dict[str, Any]:
    # Spark tells its page about a task some milliseconds after the task has ended. This polling is after the run,
    # outside every clock.
    for _ in range(200):
        state = _get(spark, f"jobs/{job}")
        if state["status"] != "RUNNING" and not state["numActiveTasks"]:
            return state
        time.sleep(0.02)
    raise SparkLimitsError(f"Spark's page still calls job {job} running four seconds after its result came.")


def _stage_tasks(spark: SparkSession, stage: int, began: float) -> Iterator[Task]:
    try:
        attempts = _get(spark, f"stages/{stage}")
    except SparkLimitsError as error:
        cause = error.__cause__
        if isinstance(cause, urllib.error.HTTPError) and cause.code == 404:
            return  # a stage that never ran, because its shuffle files were there already
        raise
    for attempt in attempts:
        if attempt["status"] == "SKIPPED":
            continue
        for task in _get(spark, f"stages/{stage}/{attempt['attemptId']}/taskList?length=100000"):
            if task["status"] == "SUCCESS":
                yield _task(stage, task, began)


def _task(stage: int, task: dict[str, Any], began: float) -> Task:
    metrics = task["taskMetrics"]
    read, written = metrics["shuffleReadMetrics"], metrics["shuffleWriteMetrics"]
    # Spark writes 2026-01-31T12:00:00.123GMT.
    launched = datetime.strptime(task["launchTime"].replace("GMT", "+0000"), "%Y-%m-%dT%H:%M:%S.%f%z")
    return Task(
        stage=stage,
        executor=task["executorId"],
        start=launched.timestamp() - began,
        seconds=metrics["executorRunTime"] / 1e3,
        input_records=metrics["inputMetrics"]["recordsRead"],
        read_records=read["recordsRead"],
        written_records=written["recordsWritten"],
        read_bytes=read["remoteBytesRead"] + read["localBytesRead"],
        remote_bytes=read["remoteBytesRead"],
        written_bytes=written["bytesWritten"],
        memory_spilled=metrics["memoryBytesSpilled"],
        disk_spilled=metrics["diskBytesSpilled"],
        gc_seconds=metrics["jvmGcTime"] / 1e3,
    )


def _get(spark: SparkSession, path: str) -> Any:
    context = spark.sparkContext
    url = f"{context.uiWebUrl}/api/v1/applications/{context.applicationId}/{path}"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)
    except (OSError, ValueError) as error:
        raise SparkLimitsError(
            f"Spark's page at {context.uiWebUrl} does not answer ({error}), so its counters cannot be read. "
            "Restart the kernel and run the notebook from the top."
        ) from error
