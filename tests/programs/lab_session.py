"""A session in the lab's container that runs the jobs it is asked for: a line each way, the answers as JSON.

    python lab_session.py REFERENCE.ipynb

The notebook has the fixes of lab 2, whose session it is. The first line, the session's backend, says that it is there.
It ends with its standard input.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from sparklimits.errors import in_one_line
from sparklimits.grading.submission import load_functions
from sparklimits.labs.lab2_skew import LAB
from sparklimits.measurement.experiment import Experiment
from sparklimits.measurement.run import Run
from sparklimits.spark import executors, session
from sparklimits.spark.timed import timed

SCALE = 0.1
#: Tasks of the busy job, and the seconds that each keeps a processor busy.
TASKS, BUSY = 12, 1.0
#: More than a worker may hold.
TOO_MANY_BYTES = 8_000_000_000


def both_ways(spark: SparkSession) -> dict[str, Any]:
    """What a run of each way of the lab counts, and what is wrong with its results."""
    experiment = Experiment(LAB, spark, scale=SCALE)
    reference = load_functions(Path(sys.argv[1]), LAB)
    return {"naive": shown(experiment.run(LAB.naive)), "fixed": shown(experiment.run(reference))}


def shown(run: Run) -> dict[str, Any]:
    """What a test looks at."""
    return {
        "broken": list(run.quality.broken),
        "straggler_ratio": {name: part.straggler_ratio() for name, part in run.counters.items()},
        "remote_bytes": run.merged.summary()["remote_bytes"],
        "executors": len({task.executor for task in run.merged.tasks}),
    }


def busy(spark: SparkSession) -> dict[str, int]:
    """The sum of the first numbers, a long task each, and how many executors computed it."""

    def work(number: int) -> int:
        end = time.process_time() + BUSY
        while time.process_time() < end:
            pass
        return number

    numbers = spark.sparkContext.parallelize(range(TASKS), TASKS)
    run = timed(spark, "busy", lambda: sum(numbers.map(work).collect()))
    return {"sum": int(run.output), "executors": len({task.executor for task in run.counters.tasks})}


def swollen(spark: SparkSession) -> int:
    """The bytes that a task held."""
    return int(spark.sparkContext.range(1).map(lambda _: len(b"x" * TOO_MANY_BYTES)).sum())


JOBS: dict[str, Callable[[SparkSession], Any]] = {
    "executors": executors.count,
    "both ways": both_ways,
    "busy": busy,
    "swollen": swollen,
}


def answer(job: Callable[[SparkSession], Any], spark: SparkSession) -> Any:
    """What the job gives; in one line, why it gives nothing."""
    try:
        return job(spark)
    except Exception as error:
        return in_one_line(error)


def main() -> None:
    """Answers until there is no request more."""
    spark = session.get(LAB.constraints)
    try:
        print(json.dumps(session.backend()), flush=True)
        for line in sys.stdin:
            print(json.dumps(answer(JOBS[line.strip()], spark)), flush=True)
    finally:
        session.stop()


if __name__ == "__main__":
    main()
