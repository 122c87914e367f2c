"""What a lab's notebook imports: the lab opened on a cluster, with one call for each of its steps."""

from __future__ import annotations

import html
import inspect
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from sparklimits import __version__, cluster, evidence, figures, remote
from sparklimits.errors import SparkLimitsError, in_one_line
from sparklimits.evidence import Counters
from sparklimits.experiment import Experiment, scale_from_environment
from sparklimits.labs import find
from sparklimits.labs.base import Lab, Quality, Solution
from sparklimits.paths import scratch
from sparklimits.progress import Progress
from sparklimits.result import Result


@dataclass(frozen=True)
class Watched:
    """One run that was watched: its seconds, Spark's counters and the collected result."""

    name: str
    seconds: float
    counters: Counters
    result: pd.DataFrame
    shown: Sequence[str] = ()
    executors: int = 1

    def _repr_html_(self) -> str:
        summary = self.counters.summary(self.executors)
        values = (f"{evidence.words(name)} {evidence.shown(name, summary[name])}" for name in self.shown)
        line = (
            f"{self.name}: {self.seconds:.1f} s, {self.counters.jobs} jobs, {len(self.counters.tasks)} tasks; "
            f"{'; '.join(values)}; {len(self.result):,} rows in the result"
        )
        return f"<p>{html.escape(line)}</p>" + figures.as_html(
            figures.timeline(self.counters, executors=self.executors)
        )


class OpenLab:
    """A lab on a running Spark session.

    ``spark`` is the session, ``data`` the lab's inputs by name, ``frame`` the same data in this
    process.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        progress = Progress(f"opening {lab.id}")
        progress("starting Spark")
        self.spark = cluster.session(lab.constraints, lab.id)
        self.scale = scale_from_environment()
        progress("making the data")
        self.frame = lab.make_data(self.scale, 7, lab.variants[0])
        self.data = self.as_spark(self.frame)
        progress.done()

    def watch(self, function: Callable[..., Any], *arguments: Any, name: str = "") -> Watched:
        """Calls the function, collects its result, and keeps the time and Spark's counters of doing so."""
        with cluster.pristine(self.spark), evidence.collect(self.spark, function.__name__) as counters:
            began = time.perf_counter()
            result = function(*arguments)
            if not isinstance(result, pd.DataFrame):
                result = result.toPandas()
            seconds = time.perf_counter() - began
        counters.other = dict(result.attrs.get("counters", {}))
        executors = remote.executors(self.spark)
        return Watched(name or function.__name__, seconds, counters, result, self.lab.shown, executors)

    def fails(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Calls a function that cannot succeed here, and prints what Spark says about it, in one line.

        Raises:
            AssertionError: it succeeded after all.
        """
        began = time.perf_counter()
        try:
            function(*arguments)
        except Exception as error:
            print(f"Failed after {time.perf_counter() - began:.0f} s. {in_one_line(error)}")
            return
        raise AssertionError(f"{function.__name__} was expected to fail, and did not")

    def before_and_after(
        self, function: Callable[..., Any], *arguments: Any, patience: float = 60.0
    ) -> figures.Picture | None:
        """Runs a job, waits for one machine more, and runs it again: the seconds of both, as bars.

        Only the cluster of containers can grow while a session runs. On any other, and when no machine has come after
        ``patience`` seconds, it says so.
        """
        if cluster.backend() != "docker":
            print(
                "This needs the cluster of containers, which can grow: course/docker.md tells how to start it."
            )
            return None
        few = remote.executors(self.spark)
        before = self.watch(function, *arguments)
        print(f"{before.seconds:.1f} s on {few} machines. Add one, in a terminal of your own machine:")
        print(f"    sparklimits cluster up --workers {few + 1}")
        began = time.monotonic()
        while remote.executors(self.spark) <= few:
            if time.monotonic() - began > patience:
                print(f"None has come in {patience:.0f} s. Run this cell again when you are ready.")
                return None
            time.sleep(0.5)
        more = remote.executors(self.spark)
        self.watch(function, *arguments)  # the new executor warms up
        after = self.watch(function, *arguments)
        return figures.bars({f"{few} machines": before.seconds, f"{more} machines": after.seconds}, "seconds")

    def quality(self, **results: pd.DataFrame) -> Quality:
        """Compares collected results, by function name, with the right ones for the opened data."""
        return self.lab.check(results, self.frame)

    def require(self, **results: pd.DataFrame) -> None:
        """Says that the collected results are right.

        Raises:
            AssertionError: they are not; the message names each rule that is broken.
        """
        quality = self.quality(**results)
        assert quality.ok, "; ".join(quality.broken)
        values = (f"{name.replace('_', ' ')}: {value:g}" for name, value in quality.values.items())
        print("The result is right.", *values)

    def as_spark(self, frame: Any) -> dict[str, Any]:
        """The lab's Spark inputs, by name, for other data."""
        folder = self.lab.write_data(frame, scratch() / "data" / f"opened-{os.urandom(6).hex()}")
        return self.lab.load(self.spark, folder)

    def prove(self, **functions: Solution) -> Result:
        """Measures the functions (by name; the naive way stands for one that is left out)."""
        progress = Progress(f"measuring {self.lab.id}")
        experiment = Experiment(self.lab, self.spark, scale=self.scale, progress=progress)
        result = experiment.measure({**self.lab.naive, **functions})
        progress.done()
        return result

    def also_on(self, result: Result, variant: str, seed: int, **functions: Solution) -> Result:
        """The same result, if the functions are right on one more data set too; a ``wrong`` one otherwise."""
        experiment = Experiment(self.lab, self.spark, scale=self.scale, seed=seed)
        try:
            broken: Sequence[str] = experiment.run({**self.lab.naive, **functions}, variant).quality.broken
        except SparkLimitsError as error:
            broken = (str(error),)
        return replace(result, verdict="wrong", reasons=tuple(broken)) if broken else result

    def _repr_html_(self) -> str:
        limits, page = self.lab.constraints, cluster.page(self.spark)
        settings = "".join(
            f"<li><code>{html.escape(key)}</code>: {html.escape(limits.reasons[key])}</li>"
            for key in limits.settings
        )
        return (
            f"<p><b>{html.escape(self.lab.id)}</b>, sparklimits {__version__}: "
            f"{remote.executors(self.spark)} executors of {limits.cores} core and "
            f"{limits.memory_mb} MB ({html.escape(cluster.backend())}). "
            f"<a href='{page}' target='_blank'>Spark's own page</a></p>"
            + (
                f"<p>What departs from Spark's defaults here, and why:</p><ul>{settings}</ul>"
                if settings
                else "<p>All else is as Spark's defaults have it.</p>"
            )
        )


def open_lab(lab_id: str) -> OpenLab:
    """Opens a lab: starts its cluster and makes its data. The first call of every notebook.

    Raises:
        SparkLimitsError: no such lab, or the machine lacks something; the message says what to do.
    """
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


def points(most: float, share: float) -> float:
    """Marks for a share of ``most``: a plain float between 0 and ``most``, as nbgrader needs it.

    nbgrader gives full marks for anything that is no plain number, so that everything else becomes zero here.
    """
    value = float(share)
    return round(float(most) * min(1.0, max(0.0, value)), 2) if math.isfinite(value) else 0.0
