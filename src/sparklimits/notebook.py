"""What a lab's notebook imports: the lab opened on a cluster, with one call for each of its steps."""

from __future__ import annotations

import html
import inspect
import os
import pickle
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sparklimits import __version__
from sparklimits.display import figures, page
from sparklimits.display.progress import Progress
from sparklimits.errors import MachineError, SparkLimitsError, in_one_line
from sparklimits.grading import elsewhere
from sparklimits.labs import find, hints
from sparklimits.machine import environment, messages, reasons, user
from sparklimits.machine.paths import scratch
from sparklimits.machine.scale import CLOCKED, scale_from_environment
from sparklimits.measurement import bars, verdict
from sparklimits.measurement.bars import points as points
from sparklimits.measurement.calls import is_table, not_a_table
from sparklimits.measurement.experiment import Experiment
from sparklimits.measurement.lab import Lab, Outcome, Quality, Solution
from sparklimits.measurement.measurement import also_on
from sparklimits.measurement.result import REFEREED, Result
from sparklimits.spark import executors, interrupts, session
from sparklimits.spark.counters import Counters, counter_name, counter_value
from sparklimits.spark.timed import timed


@dataclass(frozen=True)
class Watched:
    """One run that was watched: its seconds, Spark's counters and the result.

    ``collected`` says that the function collected its result itself, into pandas.
    """

    name: str
    seconds: float
    counters: Counters
    result: pd.DataFrame
    shown: Sequence[str] = ()
    executors: int = 1
    collected: bool = False

    def _repr_html_(self) -> str:
        summary = self.counters.summary()
        values = (f"{counter_name(name)} {counter_value(name, summary[name])}" for name in self.shown)
        line = (
            f"{self.name}: {self.seconds:.1f} s, {self.counters.jobs} jobs, {len(self.counters.tasks)} tasks; "
            f"{'; '.join(values)}; {len(self.result):,} rows in the result"
        )
        if self.collected:
            line += ", which the function itself collected (a pandas DataFrame)"
        if lost := self.counters.forgotten:
            line += f". Spark's page has forgotten {lost:,} of the jobs or a part of them: all counts are too small"
        picture = figures.timeline(self.counters, executors=self.executors)
        return f"<p>{html.escape(line)}</p>" + figures.as_html(picture)


class OpenLab:
    """A lab on a running Spark session.

    ``spark`` is the session, ``data`` the lab's inputs by name, ``frame`` the same data in this
    process.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        with Progress(f"opening {lab.id}") as progress:
            progress("starting Spark")
            self.spark = session.get(lab.constraints, lab.id)
            self.scale = scale_from_environment()
            progress("making the data")
            self.frame = lab.make_data(self.scale, 7, lab.variants[0])
            self.data = self.as_spark(self.frame)

    def watch(self, function: Callable[..., Any], *arguments: Any, name: str = "") -> Watched:
        """Calls the function, collects its result, and keeps the time and Spark's counters of doing so."""

        def work() -> tuple[Outcome, bool]:
            found = function(*arguments)
            outcome = found if isinstance(found, Outcome) else Outcome(found)
            if isinstance(outcome.table, pd.DataFrame):
                return outcome, outcome is not found
            if not is_table(outcome.table):
                raise not_a_table(name or function.__name__, outcome.table)
            return Outcome(outcome.table.toPandas(), outcome.counts, outcome.notes), False

        if not session.is_alive(self.spark):
            raise MachineError(messages.tell("ended"))
        with session.pristine(self.spark):
            run = timed(self.spark, function.__name__, work)
        outcome, collected = run.output
        run.counters.other = dict(outcome.counts)
        outcome.table.attrs = dict(outcome.notes)
        shown, count = self.lab.shown, executors.count(self.spark)
        called = name or function.__name__
        return Watched(called, run.seconds, run.counters, outcome.table, shown, count, collected)

    def fails(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Calls a function that cannot succeed here, and prints what Spark says about it, in one line.

        On less data it may succeed: then that is what it prints.

        Raises:
            AssertionError: it succeeded after all, on data of full size.
        """
        began = time.perf_counter()
        try:
            function(*arguments)
        except Exception as error:
            print(f"Failed after {time.perf_counter() - began:.0f} s. {in_one_line(error)}")
            return
        if self.scale < CLOCKED:
            print(f"It did not fail: on {self.scale:g} of the data the limit is not reached.")
            return
        raise AssertionError(f"{function.__name__} was expected to fail, and did not")

    def before_and_after(
        self, function: Callable[..., Any], *arguments: Any, patience: float = 60.0
    ) -> figures.Picture | None:
        """Runs a job, waits for one machine more, and runs it again: the seconds of both, as bars.

        Only the cluster of containers can grow while a session runs. On any other, and when no machine has come after
        ``patience`` seconds, it says so.
        """
        if session.backend() != "docker":
            print(
                "This needs the cluster of containers, which can grow: course/docker.md tells how to start it."
            )
            return None
        few = executors.count(self.spark)
        before = self.watch(function, *arguments)
        print(f"{before.seconds:.1f} s on {few} machines. Add one, in a terminal of your own machine:")
        print(f"    sparklimits cluster up --workers {few + 1}")
        began = time.monotonic()
        while executors.count(self.spark) <= few:
            if time.monotonic() - began > patience:
                print(f"None has come in {patience:.0f} s. Run this cell again when you are ready.")
                return None
            time.sleep(0.5)
        more = executors.count(self.spark)
        self.watch(function, *arguments)  # the new executor warms up
        after = self.watch(function, *arguments)
        return figures.bars({f"{few} machines": before.seconds, f"{more} machines": after.seconds}, "seconds")

    def quality(self, **results: pd.DataFrame) -> Quality:
        """Compares collected results, by function name, with the right ones for the opened data."""
        checks = {one.name: one.check for one in self.lab.exercises}
        found = [checks[name](result, self.frame) for name, result in results.items()]
        return Quality(
            {name: value for one in found for name, value in one.values.items()},
            tuple(reason for one in found for reason in one.broken),
        )

    def require(self, **results: pd.DataFrame) -> None:
        """Says that the collected results are right.

        Raises:
            AssertionError: they are not; the message names each rule that is broken.
        """
        quality = self.quality(**results)
        if not quality.ok:  # no `assert`: PYTHONOPTIMIZE would take it away
            raise AssertionError("; ".join(quality.broken))
        values = (f"{name.replace('_', ' ')}: {value:g}" for name, value in quality.values.items())
        print("The result is right.", *values)

    def as_spark(self, frame: Any) -> dict[str, Any]:
        """The lab's Spark inputs, by name, for other data."""
        folder = self.lab.write_data(frame, scratch() / "data" / f"opened-{os.urandom(6).hex()}")
        return self.lab.load(self.spark, folder)

    def prove(self) -> Result:
        """Measures the functions of this notebook, found by the lab's names for them.

        One whose cell did not run is not there: it earns nothing, and the naive way takes its place. Whatever else goes
        wrong is no fault of the functions: the result is ``inconclusive`` then, with the reason.

        In a kernel that grades nothing is measured: the referee has done that, and this is its result.
        """
        if path := os.environ.get(REFEREED):
            found: Result = pickle.loads(Path(path).read_bytes())
            return found
        functions, absent = self._own_functions()
        with Progress(f"measuring {self.lab.id}") as progress:
            experiment = Experiment(self.lab, self.spark, scale=self.scale, progress=progress)
            try:
                result = experiment.measure(functions, absent)
                self._follow(experiment)
            except Exception as error:
                interrupts.heed()
                reason = str(reasons.of(error))
                backend = session.backend()
                result = verdict.undecided(self.lab, reason, scale=self.scale, backend=backend)
        return result

    def also_on(self, result: Result, variant: str, seed: int) -> Result:
        """The same result, less what the functions earned that are not right on one more data set.

        A fault of the machine costs nothing: after a second one the result is ``inconclusive``.
        """
        functions, _ = self._own_functions()

        begun: list[Experiment] = []

        def experiment() -> Experiment:
            for before in begun:
                self._follow(before)
            begun[:] = [Experiment(self.lab, self.spark, scale=self.scale, seed=seed)]
            return begun[0]

        result = also_on(result, self.lab, functions, variant, experiment)
        for last in begun:
            self._follow(last)
        return result

    def hint(self, function: str, rung: int = 1) -> Any:
        """The hints for a function, up to this rung; 0 opens none.

        The call that stays in the notebook is the record of what was opened.

        Raises:
            SparkLimitsError: the lab has no hints of this name.
        """
        from IPython.display import Markdown

        there = hints(self.lab.id)
        if function not in there:
            raise SparkLimitsError(f"There are no hints for {function!r}. There are for: {', '.join(there)}.")
        rungs = there[function]
        shown = [
            f"**Hint {number}**\n\n{rungs[number - 1]}" for number in range(1, min(rung, len(rungs)) + 1)
        ]
        closed = f"No hint is open. Replace the 0 with a number from 1 to {len(rungs)}, and run the cell."
        return Markdown("\n\n".join(shown) or closed)

    def target(self, part: str, run: Watched) -> None:
        """Prints the counter that the marks of a part of the lab follow, and where they begin and end."""
        bar = self.lab.bars[part]
        unit = 1e6 if bar.counter.endswith("_bytes") else 1
        numbers = (run.counters.summary()[bar.counter], *bar.at(self.scale))
        value, good, bad = (f"{number / unit:,.2f}".removesuffix(".00") for number in numbers)
        print(f"{counter_name(bar.counter)}: {value}. All marks up to {good}, none from {bad} on.")

    def share(self, part: str, count: float) -> float:
        """Share of the marks, 0.0 … 1.0, that this count would earn by the bar of a part of the lab."""
        return bars.counter_share(count, *self.lab.bars[part].at(self.scale))

    def _own_functions(self) -> tuple[dict[str, Solution], dict[str, str]]:
        """The notebook's functions by name, and for each that is not there, why."""
        there = vars(sys.modules["__main__"])
        found = {name: there[name] for name in self.lab.names if callable(there.get(name))}
        absent = {
            name: f"{name} is not defined: its cell was not run, or ended with an error"
            for name in self.lab.names
            if name not in found
        }
        for name, taken in elsewhere.borrowed(found, there).items():
            del found[name]
            absent[name] = elsewhere.told(name, taken)
        return found, absent

    def _follow(self, experiment: Experiment) -> None:
        """Goes on with the session that a measurement ended with: it replaces one that has died."""
        if experiment.spark is not self.spark:
            self.spark = experiment.spark
            self.data = self.as_spark(self.frame)

    def _repr_html_(self) -> str:
        limits, address = self.lab.constraints, html.escape(session.page_address(self.spark))
        settings = "".join(
            f"<li><code>{html.escape(key)}</code>: {html.escape(limits.reasons[key])}</li>"
            for key in limits.settings
        )
        return (
            f"<p><b>{html.escape(self.lab.id)}</b>, sparklimits {__version__}: "
            f"{executors.count(self.spark)} executors of {limits.cores} core and "
            f"{limits.memory_mb} MB ({html.escape(session.backend())}). "
            f"<a href='{address}' target='_blank'>Spark's own page</a>"
            + (
                f" (<code>{address}</code> after the host in your browser's address)</p>"
                if address.startswith("/")
                else f" (<code>{address}</code>)</p>"
            )
            + (
                f"<p>What departs from Spark's defaults here, and why:</p><ul>{settings}</ul>"
                if settings
                else "<p>Everything else has Spark's default.</p>"
            )
        )


def open_lab(lab_id: str) -> OpenLab:
    """Opens a lab: starts its cluster and makes its data. The first call of every notebook.

    Raises:
        SparkLimitsError: no such lab, or the machine lacks something; the message says what to do.
    """
    page.show_in_notebooks()
    interrupts.begin()
    user.settle()
    if others := environment.leave_other_sparks():
        print(
            f"Left aside: another installation of Spark, which Python's path led to in {', '.join(others)}."
        )
    return OpenLab(find(lab_id))


def source(function: Callable[..., Any]) -> Any:
    """The function's source as a coloured listing."""
    from IPython.display import Code

    # The double backticks are for documentation tools; a reader trips over them.
    return Code(inspect.getsource(function).replace("``", ""), language="python")


def partition_sizes(table: Any) -> list[int]:
    """Rows in each partition of a Spark DataFrame, empty ones included."""
    from pyspark.sql import functions as F

    counts = table.groupBy(F.spark_partition_id().alias("partition")).count().collect()
    sizes = [0] * table.rdd.getNumPartitions()
    for row in counts:
        sizes[row["partition"]] = row["count"]
    return sizes
