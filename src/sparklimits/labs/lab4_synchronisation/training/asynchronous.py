"""Asynchronous training across Spark's executors: a parameter server beside the driver, a worker in every task.

The workers are child processes of ordinary Spark tasks. Not the tasks themselves: a Python worker of Spark lives
on after its task, and refuses a second ``init_rpc``. And not the tasks of a barrier stage: when one of those dies,
Spark starts them all again, while here the others go on.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sparklimits.errors import SparkLimitsError
from sparklimits.labs.lab4_synchronisation.training.fm import Batch, Table
from sparklimits.labs.lab4_synchronisation.training.rounds import Goal, Training
from sparklimits.labs.lab4_synchronisation.training.rpc import Handle, Meeting, ServerJob, WorkerJob
from sparklimits.labs.lab4_synchronisation.training.shards import Shard
from sparklimits.machine.addresses import free_port
from sparklimits.machine.paths import scratch

Worker = Callable[[Handle, Iterator[Batch]], None]
#: Seconds that the server gets to end by itself once no worker runs any more.
_PATIENCE = 5.0


def train(work: Worker, shards: Any, table: Table, goal: Goal, bound: int | None) -> Training:
    """Trains with a worker for each shard, all at once, until the goal is reached.

    ``shards`` is an RDD with a shard in each partition, and the cluster has a slot for each. A worker that dies
    stops nobody: the others go on with theirs. ``bound`` limits how far a worker runs ahead
    (:class:`sparklimits.labs.lab4_synchronisation.training.server.Server`).

    Raises:
        SparkLimitsError: the server died, or every worker did; the message says how.
    """
    context = shards.context
    began = time.time()
    host = context.getConf().get("spark.driver.host")
    meeting = Meeting(host, free_port(host), shards.getNumPartitions())
    with tempfile.TemporaryDirectory(prefix="server-", dir=scratch()) as folder:
        out = Path(folder) / "table.npy"
        server = _start(pickle.dumps(ServerJob(meeting, table, goal, bound, out)))
        try:
            outcomes = _run_workers(shards, lambda shard: _supervise(meeting, shard, work), server)
            ended_itself = _ends(server, _PATIENCE)
        finally:
            server.kill()
        lost = [outcome for outcome in outcomes if outcome]
        if not ended_itself:
            raise SparkLimitsError(f"No worker is left: {'; '.join(lost)}.")
        answer = _report(server)
        if answer is None or "error" in answer:
            how = "; ".join([answer["error"], *lost]) if answer else _ending(server)
            raise SparkLimitsError(
                f"The parameter server died {time.time() - began:.0f} s after the start ({how}), and the parameters "
                "with it: train again."
            )
        launch = answer["ready"] - began
        curve = [(launch + seconds, steps, loss) for seconds, steps, loss in answer["curve"]]
        return Training(np.load(out), curve, launch, {**answer["counters"], "workers_lost": len(lost)})


def _run_workers(
    shards: Any, supervise: Callable[[Shard], str], server: subprocess.Popen[bytes]
) -> list[str]:
    """Runs a worker in each task: for each, why it ended early, or nothing. No list when the server died before.

    The job is cancelled when the server ends badly: a worker that waits for the others to come, or for an answer,
    would wait for a minute.
    """
    context = shards.context
    tag = f"sparklimits-{uuid.uuid4().hex}"
    over = threading.Event()

    def cancel() -> None:
        if server.wait() and not over.is_set():
            context.cancelJobsWithTag(tag)

    threading.Thread(target=cancel, daemon=True).start()
    context.addJobTag(tag)
    try:
        return shards.map(supervise).collect()
    except Exception:
        if _ends(server, 0.0):
            return []
        raise
    finally:
        over.set()
        context.removeJobTag(tag)


def _supervise(meeting: Meeting, shard: Shard, work: Worker) -> str:
    """In a Spark task: runs the worker as a child process to its end; why it ended early, or nothing."""
    from pyspark import cloudpickle

    child = _start(cloudpickle.dumps(WorkerJob(meeting, shard, work)))
    answer = _report(child)
    if answer is None:
        return f"worker {shard.number} {_ending(child)}"
    return f"worker {shard.number}: {answer['error']}" if "error" in answer else ""


def _start(job: bytes) -> subprocess.Popen[bytes]:
    """A child process with this job. It ends when this process does, because its standard input closes then."""
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "sparklimits.labs.lab4_synchronisation.training.rpc"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(job)
        child.stdin.flush()
    return child


def _ends(child: subprocess.Popen[bytes], patience: float) -> bool:
    """Whether the child ends by itself within so many seconds."""
    try:
        child.wait(patience)
    except subprocess.TimeoutExpired:
        return False
    return True


def _report(child: subprocess.Popen[bytes]) -> dict[str, Any] | None:
    """The child's report, when it has ended; nothing when it ended without one."""
    assert child.stdout is not None
    with child.stdout:
        line = child.stdout.read()
    child.wait()
    return json.loads(line) if line else None


def _ending(child: subprocess.Popen[bytes]) -> str:
    code = child.wait()
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
