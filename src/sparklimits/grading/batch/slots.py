"""Where submissions are graded: on cores of this machine, a set for each slot, or on the workers of a Dask cluster."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, Protocol

from sparklimits.errors import MachineError
from sparklimits.grading.batch import fitness, machine, process
from sparklimits.grading.batch.fitness import Fitness
from sparklimits.grading.batch.process import Attempted
from sparklimits.grading.batch.tasks import Task
from sparklimits.machine.paths import scratch

#: Seconds between two looks at a connection that is being made again.
_LOOK = 0.2
#: Seconds in which a scheduler must answer.
_ANSWER = 20
#: Seconds in which the first worker of a scheduler may come: a batch system starts both at once.
_FIRST_WORKER = 60


class Slots(Protocol):
    """Takes submissions, and grades as many at a time as there are slots."""

    @property
    def count(self) -> int:
        """How many slots there are now."""

    @property
    def machines(self) -> list[str]:
        """A line on each machine."""

    def fitness(self, gain: float) -> list[Fitness | str]:
        """How quiet each slot is, before anything is graded there; a sentence where that could not be told."""

    def submit(self, task: Task) -> Future[Attempted]:
        """Puts a submission at the end of the queue."""


class Local:
    """Threads that each wait for one grading process, on cores that no other slot has. See :func:`local`."""

    def __init__(self, count: int, executor: Executor, stopped: threading.Event) -> None:
        self.count, self._executor, self._stopped = count, executor, stopped
        self.machines = [machine.described()]
        self._shares = machine.shares(count)
        self._cores: queue.SimpleQueue[tuple[int, ...]] = queue.SimpleQueue()
        for cores in self._shares:
            self._cores.put(cores)
        scratch()  # made here, before threads want it

    def fitness(self, gain: float) -> list[Fitness | str]:
        """All slots at the same time, as they work."""
        return list(self._executor.map(lambda cores: fitness.measured(gain, cores), self._shares))

    def submit(self, task: Task) -> Future[Attempted]:
        """Puts a submission at the end of the queue."""
        return self._executor.submit(self._run, task)

    def _run(self, task: Task) -> Attempted:
        cores = self._cores.get()
        try:
            return process.run(task, cores, self._stopped)
        finally:
            self._cores.put(cores)


@contextlib.contextmanager
def local(count: int) -> Iterator[Local]:
    """So many slots on this machine. What still runs after the body is ended.

    Raises:
        MachineError: this machine has no sandbox.
        SparkLimitsError: it has not the cores.
    """
    stopped = threading.Event()
    executor = ThreadPoolExecutor(max_workers=max(1, count))
    try:
        yield Local(count, executor, stopped)
    finally:
        stopped.set()
        executor.shutdown(cancel_futures=True)


class Remote:
    """Workers of a Dask cluster, one slot each. See :func:`remote`."""

    def __init__(self, client: Any, executor: Executor) -> None:
        self._client, self._executor = client, executor
        try:
            self.machines = sorted(set(client.run(machine.described).values()))
        except ModuleNotFoundError as error:
            raise MachineError(
                f"A worker cannot import the course ({error}). Start the workers with the Python of an environment "
                "that has it."
            ) from error

    def fitness(self, gain: float) -> list[Fitness | str]:
        """All workers that there are, at the same time."""
        return list(self._client.run(fitness.measured, gain).values())

    @property
    def count(self) -> int:
        """How many workers there are now: they may come and go."""
        return max(1, len(self._client.scheduler_info(n_workers=-1)["workers"]))

    def submit(self, task: Task) -> Future[Attempted]:
        """Puts a submission at the end of the queue.

        Raises:
            MachineError: the scheduler is gone.
        """
        while self._client.status == "connecting":  # Dask gives up by itself
            time.sleep(_LOOK)
        if self._client.status != "running":
            raise MachineError(
                "The Dask scheduler is gone. What is graded stands in the journal: start it and its workers again, and "
                "run the same command."
            )
        return self._executor.submit(process.run, task)


@contextlib.contextmanager
def remote(address: str) -> Iterator[Remote]:
    """The workers of this scheduler. Certificates for TLS come from Dask's own configuration.

    Raises:
        MachineError: the package is not installed, nobody answers, or the workers are not fit for timed runs.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise MachineError(
            "--scheduler needs Dask, which is not installed: `pip install -c constraints.txt '.[dask]'` in the "
            "course's folder, here and on every worker."
        ) from error
    try:
        client = Client(address, timeout=_ANSWER, set_as_default=False, name="sparklimits-grade")
    except (OSError, ValueError, TypeError) as error:
        raise MachineError(f"No Dask scheduler answers at {address} ({error}).") from error
    try:
        try:
            client.wait_for_workers(1, timeout=_FIRST_WORKER)
        except TimeoutError as error:
            raise MachineError(
                f"The scheduler at {address} had no worker for {_FIRST_WORKER} s. Start one for each slot first."
            ) from error
        workers = client.scheduler_info(n_workers=-1)["workers"]
        if wide := [name for name, worker in workers.items() if worker["nthreads"] != 1]:
            raise MachineError(
                f"The worker {wide[0]} has {workers[wide[0]]['nthreads']} threads, and would time several submissions "
                "at once on the same cores. Start workers with --nthreads 1."
            )
        # A worker that is lost takes its submission with it: the batch queues it again, under a number of its own.
        executor = client.get_executor(pure=False, retries=0)
        try:
            yield Remote(client, executor)
        finally:
            if client.status == "running":  # what still waits is not graded for nobody
                executor.shutdown(wait=False)
    finally:
        client.close(timeout=5)
