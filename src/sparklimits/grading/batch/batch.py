"""The work itself: what is missing is graded, each outcome written down, and what was not decided queued again."""

from __future__ import annotations

import contextlib
import queue
import statistics
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future

from sparklimits.errors import in_one_line
from sparklimits.grading.batch import outcome as outcomes
from sparklimits.grading.batch.journal import Journal
from sparklimits.grading.batch.outcome import UNFIT, Outcome
from sparklimits.grading.batch.process import Attempted
from sparklimits.grading.batch.slots import Slots
from sparklimits.grading.batch.tasks import Task
from sparklimits.machine import streams

#: Seconds between two words on the time that is left.
_LOOK = 5.0
#: So many of the last ones say how long one takes.
_RECENT = 100


class Batch:
    """Grades all tasks that the journal has no standing outcome of.

    Args:
        tasks: all there are.
        journal: what is known of them.
        slots: where they run.
        done: is told of each attempt that was written down.
        progress: is told how far it is.
    """

    def __init__(
        self,
        tasks: list[Task],
        journal: Journal,
        slots: Slots,
        done: Callable[[Task, Outcome], None],
        progress: Callable[[str], None],
    ) -> None:
        self._tasks, self._journal, self._slots = tasks, journal, slots
        self._done, self._progress = done, progress
        self._running: dict[Future[Attempted], tuple[Task, int]] = {}
        self._now: Counter[Task] = Counter()
        self._finished: queue.SimpleQueue[Future[Attempted]] = queue.SimpleQueue()
        self._seconds: deque[float] = deque(maxlen=_RECENT)
        #: What was written down, and is still to be told.
        self._told: deque[tuple[Task, Outcome]] = deque()

    def run(self) -> None:
        """Goes on until nothing is left to do."""
        for task in self._tasks:
            self._queue(task)
        said = ""
        while self._running or self._told:
            if (now := self._left()) != said or streams.columns():  # in a log file, each is a line
                self._progress(said := now)
            # To tell somebody takes longer than to write down, so all that is there is written down first.
            with contextlib.suppress(queue.Empty):
                while True:
                    future = self._finished.get(timeout=0 if self._told else _LOOK)
                    self._take(*self._running.pop(future), _attempted(future))
            if self._told:
                self._done(*self._told.popleft())

    def _take(self, task: Task, number: int, found: Attempted | None) -> None:
        if found is not None:
            # What counts is on the disk first. A second outcome of the same attempt changes nothing.
            self._journal.write(task, number, found.outcome, found.notebook)
            self._now[task] += 1
            if found.outcome.seconds:
                self._seconds.append(found.outcome.seconds)
            self._told.append((task, found.outcome))
        self._queue(task)

    def _queue(self, task: Task) -> None:
        if outcomes.wants_more(self._journal.attempts(task), self._now[task]):
            future = self._slots.submit(task)
            self._running[future] = task, self._journal.next_number(task)
            future.add_done_callback(self._finished.put)

    def _left(self) -> str:
        graded = len(self._tasks) - len(self._running)
        text = f"{graded} of {len(self._tasks)} submissions"
        if self._seconds:
            left = statistics.median(self._seconds) * len(self._running) / self._slots.count
            text += f", about {duration(left)} left"
        return text


def duration(seconds: float) -> str:
    """A time as people say it: "40 s", "12 min", "3 h 20 min"."""
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def _attempted(future: Future[Attempted]) -> Attempted | None:
    """What came back; None where nobody tried. A slot that was lost is a fault of the machine."""
    try:
        return future.result()
    except CancelledError:  # the scheduler was lost, and every submission with it
        return None
    except Exception as error:
        return Attempted(Outcome(UNFIT, [f"The slot was lost: {in_one_line(error)}."]))
