"""Asynchronous training across Spark's executors: parameter servers beside the driver, a worker in every task.

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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sparklimits.errors import SparkLimitsError
from sparklimits.labs.lab4_synchronisation.training.fm import Table
from sparklimits.labs.lab4_synchronisation.training.rounds import Goal, Training
from sparklimits.labs.lab4_synchronisation.training.rpc import Meeting, ServerJob, Worker, WorkerJob
from sparklimits.labs.lab4_synchronisation.training.sharding import Sharding
from sparklimits.labs.lab4_synchronisation.training.shards import Shard
from sparklimits.machine.addresses import free_port
from sparklimits.machine.paths import scratch

#: Seconds that a server gets to end by itself once no worker runs any more.
_PATIENCE = 5.0


def train(
    work: Worker, shards: Any, table: Table, goal: Goal, bound: int | None, sharding: Sharding | None = None
) -> Training:
    """Trains with a worker for each shard, all at once, until the goal is reached.

    ``shards`` is an RDD with a shard in each partition, and the cluster has a slot for each. A worker that dies
    stops nobody: the others go on with theirs. ``bound`` limits how far a worker runs ahead
    (:class:`sparklimits.labs.lab4_synchronisation.training.server.Server`). By ``sharding`` several servers hold a part
    of the table each; without, one holds all of it.

    ``counters`` are those of all servers together; waits and pulls that were held are counted once. Among the
    ``notes`` are the bytes of each server, and the seconds in which each worker waited for answers.

    Raises:
        SparkLimitsError: a server died, or every worker did; the message says how.
    """
    context = shards.context
    began = time.time()
    host = context.getConf().get("spark.driver.host")
    sharding = sharding or Sharding(len(table))
    meeting = Meeting(host, free_port(host), shards.getNumPartitions(), sharding)
    with tempfile.TemporaryDirectory(prefix="server-", dir=scratch()) as folder:
        out = Path(folder) / "table.npy"
        servers = [
            _start(pickle.dumps(ServerJob(meeting, number, part, goal, bound, out)))
            for number, part in enumerate(sharding.parted(table))
        ]
        try:
            outcomes = _run_workers(shards, lambda shard: _supervise(meeting, shard, work), servers)
            ended = [server for server in servers if _ends(server, _PATIENCE)]
        finally:
            for server in servers:
                server.kill()
        lost = [outcome["lost"] for outcome in outcomes if "lost" in outcome]
        if outcomes and len(ended) < len(servers):
            raise SparkLimitsError(f"No worker is left: {'; '.join(lost)}.")
        reports = [(server, _report(server)) for server in ended]
        # Where one was killed, the others may have an error that comes of that.
        for server, answer in sorted(reports, key=lambda one: one[1] is not None):
            if answer is None or "error" in answer:
                how = "; ".join([answer["error"], *lost]) if answer else _ending(server)
                raise SparkLimitsError(
                    f"The parameter server died {time.time() - began:.0f} s after the start ({how}), and the "
                    "parameters with it: train again."
                )
        answers = [answer for _, answer in reports if answer]
        lead, counted = answers[0], [answer["counters"] for answer in answers]
        bytes_of_all = {
            name: sum(one[name] for one in counted) for name in counted[0] if name.endswith("_bytes")
        }
        launch = lead["ready"] - began
        curve = [(launch + seconds, steps, loss) for seconds, steps, loss in lead["curve"]]
        notes = {
            "bytes_of_each_server": [one["server_bytes"] for one in counted],
            "seconds_waited": [outcome["waited"] for outcome in outcomes if "waited" in outcome],
        }
        counters = {**counted[0], **bytes_of_all, "workers_lost": len(lost)}
        return Training(np.load(out), curve, launch, counters, notes)


def _run_workers(
    shards: Any, supervise: Callable[[Shard], dict[str, Any]], servers: Sequence[subprocess.Popen[bytes]]
) -> list[dict[str, Any]]:
    """Runs a worker in each task, and gives their reports. None when a server died before.

    The job is cancelled when a server ends badly: a worker that waits for the others to come, or for an answer,
    would wait for a minute.
    """
    context = shards.context
    tag = f"sparklimits-{uuid.uuid4().hex}"
    over = threading.Event()

    def cancel(server: subprocess.Popen[bytes]) -> None:
        if server.wait() and not over.is_set():
            context.cancelJobsWithTag(tag)

    for server in servers:
        threading.Thread(target=cancel, args=(server,), daemon=True).start()
    context.addJobTag(tag)
    try:
        return shards.map(supervise).collect()
    except Exception:
        if any(_ends(server, 0.0) for server in servers):
            return []
        raise
    finally:
        over.set()
        context.removeJobTag(tag)


def _supervise(meeting: Meeting, shard: Shard, work: Worker) -> dict[str, Any]:
    """In a Spark task: runs the worker as a child process to its end. Its report, or why it was ``lost``."""
    from pyspark import cloudpickle

    child = _start(cloudpickle.dumps(WorkerJob(meeting, shard, work)))
    answer = _report(child)
    if answer is None:
        return {"lost": f"worker {shard.number} {_ending(child)}"}
    return {"lost": f"worker {shard.number}: {answer['error']}"} if "error" in answer else answer


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
