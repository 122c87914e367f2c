"""The two ends of a parameter server on ``torch.distributed.rpc``, each the main program of a child process.

    python -m sparklimits.labs.lab4_synchronisation.training.rpc

reads one pickled job from standard input, does it, and writes one line of JSON to standard output. The process
ends when its standard input closes: nothing outlives the process that supervises it.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sparklimits.labs.lab4_synchronisation.training.fm import Batch, Table
from sparklimits.labs.lab4_synchronisation.training.rounds import Curve, Goal
from sparklimits.labs.lab4_synchronisation.training.server import Rows, Server
from sparklimits.labs.lab4_synchronisation.training.shards import Shard
from sparklimits.machine.addresses import interface

#: Pushes of each worker between two looks at the held-out loss.
_LOOK = 4
#: Seconds that a call may take (one may wait for the slowest worker), and that all may take to meet.
_PATIENCE = 60.0
#: Seconds that the workers get to say goodbye.
_FAREWELL = 2.0

_server: Server  # in the server's process


@dataclass(frozen=True)
class Meeting:
    """Where and with whom: the server's address, and the number of workers."""

    host: str
    port: int
    workers: int

    def join(self, name: str, rank: int) -> None:
        """Enters the group; returns when all have come."""
        from torch import set_num_threads
        from torch.distributed import rpc

        set_num_threads(1)
        if link := interface(self.host):
            os.environ["TP_SOCKET_IFNAME"] = link
        options = rpc.TensorPipeRpcBackendOptions(
            init_method=f"tcp://{self.host}:{self.port}", rpc_timeout=_PATIENCE
        )
        rpc.init_rpc(name, rank=rank, world_size=1 + self.workers, rpc_backend_options=options)


@dataclass(frozen=True)
class ServerJob:
    """Serve until the goal is reached or all workers have left; write the table to ``out``."""

    meeting: Meeting
    table: Table
    goal: Goal
    bound: int | None
    out: Path

    def do(self) -> dict[str, Any]:
        global _server
        _server = Server(self.table, self.meeting.workers, self.bound)
        self.meeting.join("server", 0)
        _server.begin()
        ready = time.time()
        curve: Curve = []
        while not curve or not (_server.left or self.goal.ends(*curve[-1])):
            look = sum(_server.pushes) + _LOOK * self.meeting.workers
            table, steps = _server.snapshot(look, patience=1.0)
            curve.append((time.time() - ready, steps, self.goal.held_out.loss(table)))
        _server.stop()
        np.save(self.out, table)
        counters = {
            "server_bytes": _server.bytes, "server_waits": _server.waits, "server_held": _server.held,
        }  # fmt: skip
        _server.until_left(_FAREWELL)
        return {"ready": ready, "curve": curve, "counters": counters}


@dataclass(frozen=True)
class WorkerJob:
    """Run ``work(server, batches)`` on one shard."""

    meeting: Meeting
    shard: Shard
    work: Callable[[Handle, Iterator[Batch]], None]

    def do(self) -> dict[str, Any]:
        self.meeting.join(f"worker{self.shard.number}", 1 + self.shard.number)
        server = Handle(self.shard.number)
        self.work(server, server.until_done(self.shard.batches()))
        with contextlib.suppress(ConnectionError):  # the training is over, and the server may be gone
            server.leave()
        return {}


class Handle:
    """A worker's end of the parameter server. ``number`` is the worker's own."""

    def __init__(self, number: int) -> None:
        self.number, self._done = number, False

    def pull(self, rows: Rows | None = None) -> Table:
        """The values of these rows, in this order; without ``rows`` the whole table."""
        import torch

        values: Any = self._call(_pull, None if rows is None else torch.from_numpy(rows))
        return values.numpy()

    def push(self, change: Table, rows: Rows | None = None) -> None:
        """Adds the change to these rows, each named once; without ``rows`` to the whole table.

        Raises:
            ValueError: the change has not one row for each of ``rows``.
        """
        import torch

        if rows is not None and len(rows) != len(change):
            raise ValueError(f"{len(rows)} rows are named, and the change has {len(change)}")
        self._call(_push, torch.from_numpy(change), None if rows is None else torch.from_numpy(rows))

    def wait(self) -> None:
        """Waits until every worker has pushed as often as this one."""
        self._call(_wait)

    def leave(self) -> None:
        """Says goodbye."""
        self._call(_leave)

    def until_done(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches, until the server says that the training is over."""
        for batch in batches:
            if self._done:
                return
            yield batch

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        from torch.distributed import rpc

        try:
            answer, self._done = rpc.rpc_sync("server", function, (self.number, *arguments))
        except RuntimeError as error:
            raise ConnectionError("the parameter server does not answer any more") from error
        return answer


def _pull(worker: int, rows: Any) -> tuple[Any, bool]:
    import torch

    return torch.from_numpy(_server.pull(worker, None if rows is None else rows.numpy())), _server.done


def _push(worker: int, change: Any, rows: Any) -> tuple[None, bool]:
    _server.push(worker, change.numpy(), None if rows is None else rows.numpy())
    return None, _server.done


def _wait(worker: int) -> tuple[None, bool]:
    _server.wait(worker)
    return None, _server.done


def _leave(worker: int) -> tuple[None, bool]:
    _server.leave(worker)
    return None, True


def main() -> None:
    """Does the job on standard input. Ends without torch's farewell, which would wait for the dead."""
    report = os.fdopen(os.dup(1), "w")
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)  # what a worker's function prints is no report
    os.dup2(quiet, 2)
    job: ServerJob | WorkerJob = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        answer = job.do()
    except BaseException as error:
        lines = str(error).strip().splitlines()
        answer = {"error": f"{type(error).__name__}: {lines[0] if lines else '(no message)'}"}
    report.write(json.dumps(answer) + "\n")
    report.flush()
    os._exit("error" in answer)


def _end_with_parent() -> None:
    with contextlib.suppress(OSError):
        sys.stdin.buffer.read(1)
    os._exit(1)


if __name__ == "__main__":
    # The functions that travel by name must be those of the module, not of `__main__`.
    from sparklimits.labs.lab4_synchronisation.training import rpc as module

    module.main()
