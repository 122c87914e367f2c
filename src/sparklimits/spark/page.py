"""Reads Spark's counters from the page of the session: its REST interface
(https://spark.apache.org/docs/latest/monitoring.html#rest-api).

What is counted belongs to an interval, not to a job group: all jobs that start between its begin and its end, from
whatever thread. A job group would only know the jobs of the thread that set it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sparklimits.errors import MachineError, WorkLeftRunningError
from sparklimits.machine import messages, web
from sparklimits.spark import executors, guard
from sparklimits.spark.counters import Counters, Task

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: More tasks than the page remembers of a stage.
_ALL = 1_000_000
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
        with contextlib.suppress(Exception):  # where the session has died, the error of the body says so
            context.setLocalProperty("spark.job.description", None)  # type: ignore[arg-type]  # None removes it
    counters.slots = executors.slots(spark)
    counters.jobs = _jobs_so_far(spark) - first
    if counters.jobs:
        with _Page(spark) as page:
            _read(page, range(first, first + counters.jobs), began, counters)


def _jobs_so_far(spark: SparkSession) -> int:
    """Jobs that the session has started; they are numbered from 0."""
    try:
        return int(spark.sparkContext._jsc.sc().dagScheduler().numTotalJobs())
    except Exception as error:  # py4j raises a different error for each way in which a JVM can be gone
        raise MachineError(messages.tell("silent", kind=type(error).__name__)) from error


class _Page:
    """The page of a session, on one connection: reading it costs a request or two for each stage."""

    def __init__(self, spark: SparkSession) -> None:
        self.spark = spark
        context = spark.sparkContext
        self._address = str(context.uiWebUrl)
        self._base = f"/api/v1/applications/{context.applicationId}/"

    def __enter__(self) -> _Page:
        self._connection = self._told(lambda: web.Connection(self._address, guard.headers()))
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def known(self, path: str) -> Any:
        """What the page says; nothing when it does not know that."""
        return self._told(lambda: self._connection.json(self._base + path))

    def get(self, path: str) -> Any:
        """What the page says of something that it knows."""
        if (found := self.known(path)) is None:
            raise MachineError(messages.tell("page_forgot", address=self._address, path=path))
        return found

    def _told(self, ask: Any) -> Any:
        try:
            return ask()
        except (OSError, ValueError) as error:
            told = messages.tell("page_silent", address=self._address, reason=error)
            raise MachineError(told) from error


def _read(page: _Page, jobs: range, began: float, counters: Counters) -> None:
    _wait_until_known(page, jobs[-1])
    tasks: dict[int, list[Task]] = {}
    cut: set[int] = set()
    for number in jobs:
        job = _finished_job(page, number)
        for stage in job["stageIds"] if job else ():
            if stage not in tasks:
                tasks[stage], whole = _stage_tasks(page, stage, began, returned=not _broadcasts(job or {}))
                if not whole:
                    cut.add(stage)
        if (
            job is None
            or sum(bool(tasks[stage]) for stage in job["stageIds"]) < job["numCompletedStages"]
            or cut.intersection(job["stageIds"])
        ):
            counters.forgotten += 1
    counters.tasks = [task for _, part in sorted(tasks.items()) for task in part]


def _wait_until_known(page: _Page, job: int) -> None:
    """Waits for the newest job: Spark tells its page in order, so that it knows the older ones then, or never will."""
    deadline = time.monotonic() + LINGER
    while page.known(f"jobs/{job}") is None and time.monotonic() < deadline:
        time.sleep(0.02)


def _finished_job(page: _Page, job: int) -> dict[str, Any] | None:
    """What the page says of a job when it has ended; nothing when the page has forgotten it."""
    # This polling is after the run, outside every clock.
    deadline = time.monotonic() + LINGER
    while True:
        state: dict[str, Any] | None = page.known(f"jobs/{job}")
        if state is None or (state["status"] != "RUNNING" and not state["numActiveTasks"]):
            return state
        if time.monotonic() > deadline:
            page.spark.sparkContext.cancelAllJobs()
            raise WorkLeftRunningError(messages.tell("work_left", job=job, seconds=f"{LINGER:.0f}"))
        time.sleep(0.02)


def _broadcasts(job: Mapping[str, Any]) -> bool:
    """Whether Spark runs the job to broadcast a table: the rows go through the driver's Java, and back to executors."""
    return any(tag.startswith("broadcast exchange") for tag in job.get("jobTags") or ())


def _stage_tasks(page: _Page, stage: int, began: float, returned: bool) -> tuple[list[Task], bool]:
    """The tasks of a stage that have succeeded, and whether these are all: the page remembers so many of each stage."""
    found: list[Task] = []
    whole = True
    # The page does not know a stage that never ran, because its shuffle files were there already.
    for attempt in page.known(f"stages/{stage}?details=false") or ():
        if attempt["status"] == "SKIPPED":
            continue
        tasks = page.get(f"stages/{stage}/{attempt['attemptId']}/taskList?length={_ALL}")
        succeeded = [_task(stage, task, began, returned) for task in tasks if task["status"] == "SUCCESS"]
        whole = whole and len(succeeded) >= attempt["numCompleteTasks"]
        found += succeeded
    return found, whole


def _task(stage: int, task: dict[str, Any], began: float, returned: bool) -> Task:
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
        result_bytes=metrics["resultSize"] if returned else 0,
    )
