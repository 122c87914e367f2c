"""What two network settings prevent, made to happen by lowering them: lab 3's failures, in a session of their own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from sparklimits.errors import in_one_line
from sparklimits.spark.constraints import Constraints

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Seconds of silence after which an executor counts as lost here; Spark's default is 120.
TIMEOUT = 8
CONSTRAINTS = Constraints(
    executors=1,
    memory_mb=512,
    driver_memory_mb=512,
    settings={
        "spark.rpc.message.maxSize": "1",
        "spark.network.timeout": f"{TIMEOUT}s",
        "spark.network.timeoutInterval": "2s",
        "spark.executor.heartbeatInterval": "2s",
        "spark.task.maxFailures": "1",
    },
    reasons={
        "spark.rpc.message.maxSize": "1 MB instead of 128: a task is too large on little data",
        "spark.network.timeout": f"{TIMEOUT} s instead of 120, so that nobody waits for two minutes",
        "spark.network.timeoutInterval": "looked at every 2 s instead of every 60",
        "spark.executor.heartbeatInterval": "a sign of life every 2 s instead of every 10: less than the timeout",
        "spark.task.maxFailures": "1 instead of 4: the first loss is shown",
    },
)


def failures(spark: SparkSession) -> dict[str, str]:
    """What Spark says about a task that is too large, and about an executor that is silent, by setting."""
    return {
        "spark.rpc.message.maxSize": _said(lambda: too_large_a_task(spark)),
        "spark.network.timeout": _said(lambda: silent_executor(spark)),
    }


def too_large_a_task(spark: SparkSession) -> Any:
    """Sends two million numbers from the driver inside of the tasks."""
    return spark.sparkContext.parallelize(list(range(2_000_000)), 1).count()


def silent_executor(spark: SparkSession) -> Any:
    """Stops an executor as a long pause of its machine does: it lives, and gives no sign of it."""
    note = Path(spark.conf.get("spark.local.dir") or ".") / "stopped"
    try:
        return spark.sparkContext.parallelize([str(note)], 1).map(_stop_this_executor).collect()
    finally:
        if note.is_file():
            os.kill(int(note.read_text()), signal.SIGKILL)


def _stop_this_executor(note: str) -> None:
    """In a task: a Python worker's parent is Spark's daemon, and the daemon's parent is the executor."""
    executor = psutil.Process(os.getppid()).ppid()
    Path(note).write_text(str(executor))
    os.kill(executor, signal.SIGSTOP)
    # On a busy machine it may run on for a moment, and take this task's result.
    deadline = time.monotonic() + TIMEOUT
    while psutil.Process(executor).status() != psutil.STATUS_STOPPED and time.monotonic() < deadline:
        time.sleep(0.01)


def _said(job: Callable[[], Any]) -> str:
    try:
        job()
    except Exception as error:
        return in_one_line(error)
    return "no failure"
