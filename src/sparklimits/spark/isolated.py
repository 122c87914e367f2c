"""Runs a job in a Spark session of its own, in a child process.

For settings that a running session cannot change (the serializer, say), and for failures that another session must
not share. The session of this process goes on meanwhile.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparklimits.errors import SparkLimitsError, in_one_line
from sparklimits.machine.paths import scratch
from sparklimits.spark import page, session
from sparklimits.spark.counters import Counters
from sparklimits.spark.session import Constraints

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Answer:
    """What a job gave in its own session, and Spark's counters of it; or, with neither, the ``failure`` in one line."""

    result: Any = None
    counters: Counters | None = None
    failure: str = ""


def attempt(job: Callable[[SparkSession], Any], constraints: Constraints) -> Answer:
    """Runs ``job(spark)`` in a new session with these constraints; its result must be picklable."""
    from pyspark import cloudpickle

    with tempfile.TemporaryDirectory(dir=scratch()) as folder:
        out = Path(folder) / "answer"
        done = subprocess.run(
            [sys.executable, "-P", "-m", "sparklimits.spark.isolated", str(out)],
            input=cloudpickle.dumps((job, constraints)), capture_output=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )  # fmt: skip
        if not out.is_file():
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
            return Answer(
                failure=lines[-1] if lines else f"the process ended with exit code {done.returncode}"
            )
        return pickle.loads(out.read_bytes())


def run(job: Callable[[SparkSession], Any], constraints: Constraints) -> tuple[Any, Counters]:
    """The result of :func:`attempt`, and its counters.

    Raises:
        SparkLimitsError: the job failed; the message is Spark's own.
    """
    answer = attempt(job, constraints)
    if answer.counters is None:
        raise SparkLimitsError(answer.failure)
    return answer.result, answer.counters


def main() -> None:
    """The child: the job comes on standard input, the answer goes to the file that is named."""
    job, constraints = pickle.load(sys.stdin.buffer)
    try:
        spark = session.get(constraints, beside=True)
        with page.collect(spark) as counters:
            result = job(spark)
        answer = Answer(result, counters)
    except Exception as error:
        answer = Answer(failure=in_one_line(error))
    finally:
        session.stop()
    Path(sys.argv[1]).write_bytes(pickle.dumps(answer))


if __name__ == "__main__":
    # What is pickled here must belong to the module, not to `__main__`.
    from sparklimits.spark import isolated as module

    module.main()
