"""The executors of a session: how many, and on a cluster that was there before: do they suit, are they still there?"""

from __future__ import annotations

import json
import os
import platform
import re
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sparklimits import __version__
from sparklimits.errors import MachineError, in_one_line
from sparklimits.machine import messages, web
from sparklimits.machine.paths import scratch

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Seconds until the first executor must be there; and until all of them, once the first is.
FIRST, ALL = 60.0, 20.0
#: Seconds without any executor after which the jobs are given up.
ALONE = 30.0


def count(spark: SparkSession) -> int:
    """Executors of the session that are there now."""
    status = spark.sparkContext._jsc.sc().getExecutorMemoryStatus()
    return int(status.size()) - 1  # one of them is the driver


def slots(spark: SparkSession) -> int:
    """Tasks that can run at the same time: as the embedded cluster was asked for, or on the executors that came."""
    if embedded := re.fullmatch(r"local-cluster\[(\d+),(\d+),\d+\]", spark.sparkContext.master or ""):
        return int(embedded[1]) * int(embedded[2])
    return count(spark) * int(spark.conf.get("spark.executor.cores") or 1)


def require_suitable(spark: SparkSession, master: str) -> None:
    """Waits for the executors, and asks each whether it can run the labs; from then on, watches that some are there.

    Raises:
        MachineError: there are none, they have another Python or another version of this package, or they do not see
            this process's folder for temporary files.
    """
    if alive_workers(master) == 0:
        raise MachineError(messages.tell("no_workers", master=master))
    _wait(spark, master)
    _ask(spark, master)
    threading.Thread(target=_watch, args=(spark, master), daemon=True).start()


def alive_workers(master: str) -> int | None:
    """The workers that a standalone master has; nothing when its page is not at Spark's usual port, or it has none."""
    if not master.startswith("spark://"):
        return None
    try:
        page = web.get(f"http://{urlsplit(master).hostname}:8080/json/", timeout=2)
        return int(json.loads(page)["aliveworkers"])
    except (OSError, ValueError, KeyError, TypeError):  # another program's page may hold anything
        return None


def _wait(spark: SparkSession, master: str) -> None:
    began = time.monotonic()
    while not count(spark):
        if time.monotonic() - began > FIRST:
            raise MachineError(messages.tell("no_executor", master=master, seconds=f"{FIRST:.0f}"))
        time.sleep(0.2)
    began = time.monotonic()
    while count(spark) < (alive_workers(master) or 0) and time.monotonic() - began < ALL:
        time.sleep(0.2)


def _ask(spark: SparkSession, master: str) -> None:
    probe = scratch() / "seen"
    probe.touch()
    path, tasks = str(probe), 2 * count(spark)
    try:
        answers = set(
            spark.sparkContext.parallelize(range(tasks), tasks).map(lambda _: _machine(path)).collect()
        )
    except Exception as error:
        said = str(error)
        if "PYTHON_VERSION_MISMATCH" in said:
            told = messages.tell("other_python", master=master, version=platform.python_version())
            raise MachineError(told) from error
        if "No module named 'sparklimits'" in said:
            told = messages.tell("no_package_there", master=master, version=__version__)
            raise MachineError(told) from error
        told = messages.tell("no_python", master=master, reason=in_one_line(error).rstrip("."))
        raise MachineError(told) from error
    for version, seen in answers:
        if version != __version__:
            told = messages.tell("other_version", master=master, theirs=version, ours=__version__)
            raise MachineError(told)
        if not seen:
            raise MachineError(messages.tell("folder_not_shared", master=master, folder=probe.parent))


def _machine(path: str) -> tuple[str, bool]:
    return __version__, os.path.exists(path)


def _watch(spark: SparkSession, master: str) -> None:
    """Gives up the jobs when all executors are gone: Spark itself would wait for others without end."""
    seen = time.monotonic()
    while True:
        time.sleep(2)
        try:
            if count(spark):
                seen = time.monotonic()
            elif time.monotonic() - seen > ALONE:
                context = spark.sparkContext._jsc.sc()
                for job in context.statusTracker().getActiveJobIds():
                    context.cancelJob(job, f"all workers of {master} are gone; start the cluster again")
        except Exception:  # the session was stopped, and its JVM with it
            return
