"""Reads Spark's counters from the page of the session: its REST interface
(https://spark.apache.org/docs/latest/monitoring.html#rest-api).

What is counted belongs to an interval, not to a job group: all jobs that start between its begin and its end, from
whatever thread. A job group would only know the jobs of the thread that set it.
"""

from __future__ import annotations

import contextlib
import json
import time
import urllib.error
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sparklimits.errors import MachineError, WorkLeftRunningError
from sparklimits.machine import web
from sparklimits.spark import executors
from sparklimits.spark.counters import Counters, Task

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Seconds that a job may go on after the work has returned: Spark tells its page about a task some milliseconds after
#: the task has ended.
LINGER = 4.0


@contextlib.contextmanager
def collect(spark: SparkSession, label: str = "work") -> Iterator[Counters]:
    """Counts all that Spark does while the body runs; the counters are complete when the block ends.

    Raises:
        MachineError: Spark's page does not answer (it is switched off, or the session is dead).
        WorkLeftRunningError: a job still runs though the body has ended; it was cancelled.
    """
    context = spark.sparkContext
    counters = Counters()
    first, began = _jobs_so_far(spark), time.time()
    context.setJobDescription(label)  # how the jobs are called on the page
    try:
        yield counters
    finally:
        context.setLocalProperty("spark.job.description", None)  # type: ignore[arg-type]  # None removes it
    counters.slots = executors.slots(spark)
    counters.jobs = _jobs_so_far(spark) - first
    numbers = range(first, first + counters.jobs)
    if numbers:
        _wait_until_known(spark, numbers[-1])
    tasks: dict[int, list[Task]] = {}
    for number in numbers:
        job = _finished_job(spark, number)
        for stage in job["stageIds"] if job else ():
            if stage not in tasks:
                tasks[stage] = list(_stage_tasks(spark, stage, began))
        if job is None or sum(map(bool, map(tasks.get, job["stageIds"]))) < job["numCompletedStages"]:
            counters.forgotten += 1
    counters.tasks = [task for _, part in sorted(tasks.items()) for task in part]


def _jobs_so_far(spark: SparkSession) -> int:
    """Jobs that the session has started; they are numbered from 0."""
    try:
        return int(spark.sparkContext._jsc.sc().dagScheduler().numTotalJobs())
    except Exception as error:  # py4j raises a different error for each way in which a JVM can be gone
        raise MachineError(
            f"Spark does not answer any more ({type(error).__name__}). Restart the kernel and run the notebook from "
            "the top."
        ) from error


def _wait_until_known(spark: SparkSession, job: int) -> None:
    """Waits for the newest job: Spark tells its page in order, so that it knows the older ones then, or never will."""
    deadline = time.monotonic() + LINGER
    while _known(spark, f"jobs/{job}") is None and time.monotonic() < deadline:
        time.sleep(0.02)


def _finished_job(spark: SparkSession, job: int) -> dict[str, Any] | None:
    """What the page says of a job when it has ended; nothing when the page has forgotten it."""
    # This polling is after the run, outside every clock.
    deadline = time.monotonic() + LINGER
    while True:
        state = _known(spark, f"jobs/{job}")
        if state is None or (state["status"] != "RUNNING" and not state["numActiveTasks"]):
            return state
        if time.monotonic() > deadline:
            spark.sparkContext.cancelAllJobs()
            raise WorkLeftRunningError(
                f"job {job} of Spark still runs {LINGER:.0f} s after the result came; all jobs were cancelled"
            )
        time.sleep(0.02)


def _stage_tasks(spark: SparkSession, stage: int, began: float) -> Iterator[Task]:
    # The page does not know a stage that never ran, because its shuffle files were there already.
    for attempt in _known(spark, f"stages/{stage}") or ():
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


def _known(spark: SparkSession, path: str) -> Any:
    """What the page says; nothing when it does not know that."""
    try:
        return _get(spark, path)
    except MachineError as error:
        cause = error.__cause__
        if isinstance(cause, urllib.error.HTTPError) and cause.code == 404:
            return None
        raise


def _get(spark: SparkSession, path: str) -> Any:
    context = spark.sparkContext
    try:
        return json.loads(
            web.get(f"{context.uiWebUrl}/api/v1/applications/{context.applicationId}/{path}", timeout=30)
        )
    except (OSError, ValueError) as error:
        raise MachineError(
            f"Spark's page at {context.uiWebUrl} does not answer ({error}), so its counters cannot be read. "
            "Restart the kernel and run the notebook from the top."
        ) from error
