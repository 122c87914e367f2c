"""A ring of workers: each sends to the next one, and receives from the one before it.

Two rings with the same face: of threads in this process, for any number of workers, and of the members of a process
group of PyTorch. Both count what was sent.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparklimits.errors import SparkLimitsError

Numbers = NDArray[np.float32]
#: Seconds that a worker in a thread waits for numbers. They come from the same process: what is not there by then
#: was never sent.
PATIENCE = 5.0


class Ring:
    """A worker's place in a ring of ``size`` workers. ``number`` is its own, from 0; ``sent`` counts its bytes.

    ``in_a_row`` counts the bytes that had to go one after another until now, here or on the way here: what was received
    had to be sent before. On links of one speed that is the time.
    """

    def __init__(self, number: int, size: int) -> None:
        self.number, self.size = number, size
        self.sent = self.in_a_row = 0

    def send(self, numbers: Numbers) -> None:
        """Sends these numbers to the next worker, and waits for nobody. What is changed later is not sent."""
        copy = np.array(numbers, np.float32).ravel()
        self.sent += copy.nbytes
        self.in_a_row += copy.nbytes
        self._give(copy)

    def receive(self) -> Numbers:
        """The next numbers from the worker before this one; waits until they are there."""
        return self._take()

    def _give(self, numbers: Numbers) -> None:
        raise NotImplementedError

    def _take(self) -> Numbers:
        raise NotImplementedError


#: Gets a worker's numbers and its ring; gives the sum of all workers' numbers.
AllReduce = Callable[[Numbers, Ring], Numbers]


#: What lies on a link between two threads: numbers, and ``in_a_row`` when they had been sent; nothing at its end.
_Link = queue.SimpleQueue[tuple[Numbers, int] | None]


class _AmongThreads(Ring):
    def __init__(self, number: int, links: list[_Link]) -> None:
        super().__init__(number, len(links))
        self._out, self._in = links[number], links[number - 1]

    def _give(self, numbers: Numbers) -> None:
        self._out.put((numbers, self.in_a_row))

    def _take(self) -> Numbers:
        before = (self.number - 1) % self.size
        try:
            came = self._in.get(timeout=PATIENCE)
        except queue.Empty:
            raise SparkLimitsError(
                f"worker {self.number} of {self.size} waited {PATIENCE:.0f} s for numbers that worker {before} never "
                "sent: for each receive there must be a send"
            ) from None
        if came is None:
            raise _NeighbourFailedError
        numbers, then = came
        self.in_a_row = max(self.in_a_row, then)
        return numbers


class _NeighbourFailedError(Exception):
    """There is nothing to wait for any more."""


def among_threads(all_reduce: AllReduce, parts: Numbers) -> tuple[Numbers, list[Ring]]:
    """What each worker ends with, and its ring afterwards. ``parts`` has a row for each worker.

    Raises:
        SparkLimitsError: a worker gave something else than as many numbers as it got, or waited in vain.
        Exception: what a worker raised.
    """
    links: list[_Link] = [queue.SimpleQueue() for _ in parts]
    rings = [_AmongThreads(number, links) for number in range(len(parts))]
    found = np.zeros_like(parts)
    errors: list[BaseException] = []

    def work(ring: _AmongThreads) -> None:
        try:
            found[ring.number] = _checked(all_reduce(parts[ring.number].copy(), ring), ring, parts.shape[1])
        except _NeighbourFailedError:
            links[ring.number].put(None)
        except BaseException as error:
            errors.append(error)
            links[ring.number].put(None)

    threads = [threading.Thread(target=work, args=(ring,), daemon=True) for ring in rings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return found, [*rings]


class InGroup(Ring):
    """A worker's place in the ring of the process group that it has joined."""

    def __init__(self) -> None:
        from torch import distributed

        super().__init__(distributed.get_rank(), distributed.get_world_size())
        self._under_way: list[tuple[Any, Any]] = []

    def sum(self, numbers: Numbers, all_reduce: AllReduce) -> Numbers:
        """The sum, in this way; returns when all that this worker has sent was received.

        Raises:
            SparkLimitsError: the way gave something else than as many numbers as it got.
            RuntimeError: a neighbour has ended, or was silent for too long.
        """
        total = _checked(all_reduce(numbers, self), self, len(numbers))
        for work, _ in self._under_way:
            work.wait()
        self._under_way.clear()
        return total

    def _give(self, numbers: Numbers) -> None:
        import torch
        from torch import distributed

        # The receiver does not know how many will come. What is sent must stay where it is until it has been received.
        for tensor in (torch.tensor([len(numbers)]), torch.from_numpy(numbers)):
            if len(tensor):
                work = distributed.isend(tensor, (self.number + 1) % self.size)
                self._under_way.append((work, tensor))

    def _take(self) -> Numbers:
        import torch
        from torch import distributed

        before = (self.number - 1) % self.size
        count = torch.zeros(1, dtype=torch.int64)
        distributed.recv(count, before)
        numbers = torch.empty(int(count))
        if len(numbers):
            distributed.recv(numbers, before)
        return numbers.numpy()


def _checked(total: Any, ring: Ring, count: int) -> Numbers:
    found = np.asarray(total)
    if found.shape != (count,) or not np.issubdtype(found.dtype, np.number):
        kind = f"numbers of the shape {found.shape}" if found.ndim else f"a {type(total).__name__}"
        raise SparkLimitsError(
            f"on worker {ring.number} it returned {kind}; it must return the sum, {count:,} numbers in a row"
        )
    return found.astype(np.float32)
