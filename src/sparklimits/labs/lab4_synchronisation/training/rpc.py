"""The ends of a parameter server on ``torch.distributed.rpc``, each the main program of a child process.

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
from sparklimits.labs.lab4_synchronisation.training.sharding import Sharding
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
    """Where and with whom: the first server's address, the number of workers, and what each server holds."""

    host: str
    port: int
    workers: int
    sharding: Sharding

    def join_as_server(self, number: int) -> None:
        """Enters the group as this server; returns when all have come."""
        self._join(_name(number), number)

    def join_as_worker(self, number: int) -> None:
        """Enters the group as this worker; returns when all have come."""
        self._join(f"worker{number}", self.sharding.servers + number)

    def _join(self, name: str, rank: int) -> None:
        from torch import set_num_threads
        from torch.distributed import rpc

        set_num_threads(1)
        if link := interface(self.host):
            os.environ["TP_SOCKET_IFNAME"] = link
        options = rpc.TensorPipeRpcBackendOptions(
            init_method=f"tcp://{self.host}:{self.port}", rpc_timeout=_PATIENCE
        )
        everybody = self.sharding.servers + self.workers
        rpc.init_rpc(name, rank=rank, world_size=everybody, rpc_backend_options=options)


def _name(server: int) -> str:
    return f"server{server}" if server else "server"


@dataclass(frozen=True)
class ServerJob:
    """Serve the ``rows`` of server ``number`` until the training ends.

    The first server ends it, when the goal is reached or all workers have left, and writes the whole table to ``out``.
    """

    meeting: Meeting
    number: int
    rows: Table
    goal: Goal
    bound: int | None
    out: Path

    def do(self) -> dict[str, Any]:
        global _server
        _server = Server(self.rows, self.meeting.workers, self.bound)
        self.meeting.join_as_server(self.number)
        _server.begin()
        found = self._lead() if self.number == 0 else self._follow()
        found["counters"] = {
            "server_bytes": _server.bytes, "server_pushed_bytes": _server.pushed, "server_waits": _server.waits,
            "server_held": _server.held,
        }  # fmt: skip
        _server.until_left(_FAREWELL)
        return found

    def _lead(self) -> dict[str, Any]:
        from torch.distributed import rpc

        others = range(1, self.meeting.sharding.servers)
        ready = time.time()
        curve: Curve = []
        while not curve or not (_server.left or self.goal.ends(*curve[-1])):
            look = sum(_server.pushes) + _LOOK * self.meeting.workers
            own, steps = _server.snapshot(look, patience=1.0)
            table = own
            if others:
                parts = [own, *(rpc.rpc_sync(_name(other), _snapshot).numpy() for other in others)]
                table = self.meeting.sharding.joined(parts)
            curve.append((time.time() - ready, steps, self.goal.held_out.loss(table)))
        for other in others:
            rpc.rpc_sync(_name(other), _stop)
        _server.stop()
        np.save(self.out, table)
        return {"ready": ready, "curve": curve}

    def _follow(self) -> dict[str, Any]:
        while not (_server.done or _server.left):
            _server.snapshot(sum(_server.pushes) + 1, patience=1.0)
        return {}


@dataclass(frozen=True)
class WorkerJob:
    """Run ``work(server, batches)`` on one shard."""

    meeting: Meeting
    shard: Shard
    work: Worker

    def do(self) -> dict[str, Any]:
        self.meeting.join_as_worker(self.shard.number)
        server = Handle(self.shard.number, self.meeting.sharding)
        self.work(server, server.until_done(self.shard.batches()))
        with contextlib.suppress(ConnectionError):  # the training is over, and the server may be gone
            server.leave()
        return {"waited": server.waited}


class Handle:
    """A worker's end of the parameter server, or of all of them, if several share the table.

    ``number`` is the worker's own. ``waited`` are the seconds in which it waited for answers.
    """

    def __init__(self, number: int, sharding: Sharding) -> None:
        self.number, self.waited = number, 0.0
        self._sharding, self._done = sharding, False

    @property
    def rows(self) -> int:
        """Rows of the whole table."""
        return self._sharding.rows

    def pull(self, rows: Rows | None = None) -> Table:
        """The values of these rows, in this order; without ``rows`` the whole table."""
        import torch

        if rows is None:
            return self._sharding.joined([part.numpy() for part in self._call(_pull, self._each(None))])
        split = self._sharding.split(rows)
        parts = self._call(_pull, [(torch.from_numpy(there),) for _, there in split])
        if len(parts) == 1:
            return parts[0].numpy()
        values = np.empty((len(rows), parts[0].shape[1]), np.float32)
        for (mine, _), part in zip(split, parts, strict=True):
            values[mine] = part.numpy()
        return values

    def push(self, change: Table, rows: Rows | None = None) -> None:
        """Adds the change to these rows, each named once; without ``rows`` to the whole table.

        Raises:
            ValueError: the change has not one row for each of ``rows``.
        """
        import torch

        if rows is not None and len(rows) != len(change):
            raise ValueError(f"{len(rows)} rows are named, and the change has {len(change)}")
        parts: list[tuple[Any, ...]]
        if rows is None:
            parts = [(torch.from_numpy(part), None) for part in self._sharding.parted(change)]
        else:
            split = self._sharding.split(rows)
            # A server hears of every push, also of one that brings it nothing: it counts them.
            parts = [(torch.from_numpy(change[mine]), torch.from_numpy(there)) for mine, there in split]
        self._call(_push, parts)

    def wait(self) -> None:
        """Waits until every worker has pushed as often as this one."""
        self._call(_wait, self._each())

    def leave(self) -> None:
        """Says goodbye."""
        self._call(_leave, self._each())

    def until_done(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches, until the server says that the training is over."""
        for batch in batches:
            if self._done:
                return
            yield batch

    def _each(self, *arguments: Any) -> list[tuple[Any, ...]]:
        return [arguments] * self._sharding.servers

    def _call(self, function: Callable[..., Any], arguments: list[tuple[Any, ...]]) -> list[Any]:
        """Calls all servers at once, each with its arguments, and waits for all answers."""
        from torch.distributed import rpc

        began = time.perf_counter()
        try:
            asked = [
                rpc.rpc_async(_name(server), function, (self.number, *own))
                for server, own in enumerate(arguments)
            ]
            answers = [one.wait() for one in asked]
        except RuntimeError as error:
            raise ConnectionError("the parameter server does not answer any more") from error
        self.waited += time.perf_counter() - began
        self._done = any(done for _, done in answers)
        return [answer for answer, _ in answers]


#: One worker of a training: it gets its end of the server, and its batches.
Worker = Callable[[Handle, Iterator[Batch]], None]


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


def _snapshot() -> Any:
    import torch

    return torch.from_numpy(_server.snapshot()[0])


def _stop() -> None:
    _server.stop()


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
