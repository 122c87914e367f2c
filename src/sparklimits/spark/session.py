"""One call gives a Spark session on real executors: processes of their own, on this machine or elsewhere.

The embedded cluster is Spark's ``local-cluster`` master: a standalone master and workers inside the driver's
JVM, and every executor a JVM of its own. Spark documents it for unit tests; it suits a lab, because a shuffle
between two executors is a real one and an executor can be killed. ``SPARKLIMITS_MASTER`` names any other
Spark master instead, as the container of :mod:`sparklimits.containers.cluster` does for the lab that runs in it.
"""

from __future__ import annotations

import atexit
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from sparklimits.errors import MachineError
from sparklimits.spark import executors, guard, launch, master
from sparklimits.spark.constraints import Constraints, Machines
from sparklimits.spark.master import backend

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: How the settings begin that can be changed while a session runs.
_SQL = "spark.sql."

_current: tuple[Constraints, SparkSession] | None = None


def get(
    constraints: Constraints | None = None, name: str = "sparklimits", beside: bool = False
) -> SparkSession:
    """The Spark session for these constraints: started when there is none, replaced when they differ.

    Settings of Spark SQL can be changed while a session runs: where only those differ, it goes on.

    Nothing of Spark's own output reaches the terminal or the notebook: it goes to ``driver.log`` in the
    scratch folder. All ports are chosen by the system, so many sessions share one machine. A session ``beside``
    another one leaves that its executors, on a cluster that both share.

    Raises:
        MachineError: no Java, no disk space, the master does not answer, or its cluster does not suit the labs.
    """
    global _current
    wanted = constraints or Constraints()
    if _current is not None:
        held, spark = _current
        if is_alive(spark) and (held == wanted or _differ_in_sql_alone(held, wanted)):
            _change(spark, held, wanted)
            _current = (wanted, spark)
            return spark
        stop()
    spark = launch.start(wanted, name, beside)
    _current = (wanted, spark)
    atexit.unregister(stop)
    atexit.register(stop)  # before the scratch folder goes, whose files its processes have open
    if backend() != "embedded":
        try:
            executors.require_suitable(spark, master.address(wanted))
        except MachineError:
            stop()
            raise
    return spark


def _differ_in_sql_alone(one: Constraints, other: Constraints) -> bool:
    def without_sql(constraints: Constraints) -> Constraints:
        rest = {key: value for key, value in constraints.settings.items() if not key.startswith(_SQL)}
        return replace(constraints, settings=rest, reasons={}, machines=Machines())

    return without_sql(one) == without_sql(other)


def _change(spark: SparkSession, held: Constraints, wanted: Constraints) -> None:
    for key in held.settings.keys() - wanted.settings.keys():
        spark.conf.unset(key)
    for key, value in wanted.settings.items():
        if held.settings.get(key) != value:
            spark.conf.set(key, value)


def is_alive(spark: SparkSession) -> bool:
    """Whether the session can still run a job: its JVM answers, and its context was not stopped."""
    try:
        return spark.sparkContext._jsc is not None and not spark.sparkContext._jsc.sc().isStopped()
    except Exception:  # py4j raises a different error for each way in which a JVM can be gone
        return False


def stop() -> None:
    """Stops the session, its executors and its JVM, and removes their files. Harmless when none runs."""
    global _current
    if _current is None:
        return
    _, spark = _current
    _current = None
    with launch.output_to_log(), contextlib.suppress(Exception):
        spark.stop()
    launch.end()
    launch.remove_files()


@contextlib.contextmanager
def pristine(spark: SparkSession) -> Iterator[None]:
    """Runs the body on a session without caches, and leaves its settings as they were found.

    A cached table that survives into the next run, or a setting changed on the way, would make two timed runs
    different jobs.
    """
    _drop_caches(spark)
    before = dict(spark.conf.getAll)
    try:
        yield
    finally:
        if is_alive(spark):  # of a session that has died nothing is left to restore
            after = dict(spark.conf.getAll)
            for key in after.keys() - before.keys():
                spark.conf.unset(key)
            for key, value in before.items():
                if after.get(key) != value:
                    spark.conf.set(key, value)
            _drop_caches(spark)


def _drop_caches(spark: SparkSession) -> None:
    spark.catalog.clearCache()
    for rdd in spark.sparkContext._jsc.getPersistentRDDs().values():
        rdd.unpersist(True)


def page_address(spark: SparkSession) -> str:
    """The session's own page: its path on the Jupyter server that shows it, or its address on this machine."""
    return guard.link() or str(spark.sparkContext.uiWebUrl)
