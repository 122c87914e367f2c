"""One call gives a Spark session on real executors: processes of their own, on this machine or elsewhere.

The embedded cluster is Spark's ``local-cluster`` master: a standalone master and workers inside the driver's
JVM, and every executor a JVM of its own. Spark documents it for unit tests; it suits a lab, because a shuffle
between two executors is a real one and an executor can be killed. ``SPARKLIMITS_MASTER`` names any other
Spark master instead, as the container of :mod:`sparklimits.containers.cluster` does for the lab that runs in it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from sparklimits.errors import MachineError
from sparklimits.machine.java import find_java
from sparklimits.machine.paths import scratch
from sparklimits.spark import executors
from sparklimits.spark.constraints import Constraints, Machines

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def backend() -> str:
    """``embedded``, ``docker`` inside the containers, or the master that ``SPARKLIMITS_MASTER`` names."""
    return os.environ.get("SPARKLIMITS_BACKEND") or os.environ.get("SPARKLIMITS_MASTER") or "embedded"


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
    spark = _start(wanted, name, beside)
    _current = (wanted, spark)
    if backend() != "embedded":
        try:
            executors.require_suitable(spark, _master(wanted))
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
    with _jvm_output_to_log(), contextlib.suppress(Exception):
        spark.stop()
    _stop_jvm()
    for name in ("home", "local", "warehouse"):
        shutil.rmtree(scratch() / name, ignore_errors=True)


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


#: How the settings begin that can be changed while a session runs.
_SQL = "spark.sql."
#: Jobs, and stages, that the session's page remembers.
RETAINED = 20_000
#: For a session that lives for seconds and is not timed: without Java's second compiler it is ready sooner.
_SHORT = "-XX:TieredStopAtLevel=1"


def _start(constraints: Constraints, name: str, beside: bool) -> SparkSession:
    from pyspark.sql import SparkSession

    master = _master(constraints)
    folder = scratch()
    os.environ["JAVA_HOME"] = str(find_java(folder / "java").home)
    os.environ["SPARK_HOME"] = str(_spark_home(folder / "home"))
    os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    local = backend() == "embedded"
    if local:
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
        os.environ["PYSPARK_PYTHON"] = sys.executable
    else:  # Python may lie elsewhere on other machines
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    log4j = resources.files("sparklimits") / "resources" / "log4j2.properties"
    settings = {
        "spark.ui.port": "0",
        "spark.ui.showConsoleProgress": "false",
        # Jobs and stages that Spark's page remembers: 1,000 of each by default, and a job that it has forgotten
        # cannot be counted.
        "spark.ui.retainedJobs": str(RETAINED),
        "spark.ui.retainedStages": str(RETAINED),
        "spark.local.dir": str(folder / "local"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.executor.instances": str(constraints.executors),
        "spark.executor.cores": str(constraints.cores),
        "spark.executor.memory": f"{constraints.memory_mb}m",
        "spark.driver.memory": f"{constraints.driver_memory_mb}m",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile=file:{log4j} {_SHORT if beside else ''}",
        # Results travel to pandas as Arrow: the time of a run is Spark's, not that of building Python rows.
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        # All executors share this host. Without this line they read each other's shuffle files from the
        # disk, and the counters of remote bytes stay at zero.
        **({"spark.shuffle.readHostLocalDisk": "false"} if local else {}),
        **({"spark.executor.extraJavaOptions": _SHORT} if local and beside else {}),
        **(_in_containers(beside) if backend() == "docker" else {}),
        **constraints.settings,
    }
    builder = SparkSession.builder.master(master).appName(name)
    for key, value in settings.items():
        builder = builder.config(key, value)
    with _jvm_output_to_log():
        try:
            spark = builder.getOrCreate()
        except Exception as error:
            _stop_jvm()
            raise MachineError(
                f"Spark did not start on {master}: {_first_line(error)}. Its log is {folder / 'driver.log'}; "
                "`sparklimits doctor` looks at the machine."
            ) from error
    return spark


def _in_containers(beside: bool) -> dict[str, str]:
    """What a session needs in the container of the lab, whose name in the network of the workers is ``driver``.

    Each worker has two cores to give away, and one resource called ``machine``. An ordinary session asks for one
    with each executor, so that it has one executor on each worker, also on one that comes later. The other core is
    for a session beside it.
    """
    return {
        "spark.driver.host": "driver",
        "spark.driver.bindAddress": "0.0.0.0",
        "spark.ui.reverseProxy": "true",
        "spark.executor.cores": "1",
        **({} if beside else {"spark.executor.resource.machine.amount": "1"}),
    }


def page_address(spark: SparkSession) -> str:
    """The address of the session's own page, for a browser on this machine."""
    if pages := os.environ.get("SPARKLIMITS_PAGES"):
        return f"{pages}/proxy/{spark.sparkContext.applicationId}/"
    return str(spark.sparkContext.uiWebUrl)


def _master(constraints: Constraints) -> str:
    master = os.environ.get("SPARKLIMITS_MASTER") or "embedded"
    if master == "embedded":
        return f"local-cluster[{constraints.executors},{constraints.cores},{constraints.memory_mb}]"
    if match := re.fullmatch(r"spark://([^:/]+):(\d+)", master):
        host, port = match[1], int(match[2])
        try:
            socket.create_connection((host, port), timeout=5).close()
        except OSError as error:
            raise MachineError(
                f"SPARKLIMITS_MASTER is {master}, but nothing answers at {host} port {port} ({error}). Start "
                "that cluster, correct the address, or unset SPARKLIMITS_MASTER to use the embedded cluster."
            ) from error
    elif not re.match(r"(local(\[.*\]|-cluster\[.*\])?$|yarn$|k8s://)", master):
        raise MachineError(
            f"SPARKLIMITS_MASTER is {master!r}, which is no Spark master. Write spark://HOST:PORT, yarn or "
            "k8s://HOST:PORT, or unset it to use the embedded cluster."
        )
    return master


def _spark_home(folder: Path) -> Path:
    """A private SPARK_HOME of links into the installed pyspark.

    The workers of ``local-cluster`` write their files to ``$SPARK_HOME/work``. In a shared installation that
    folder is read-only or everybody's; here it lies in the scratch folder and goes away with it.
    """
    import pyspark

    installed = Path(pyspark.__file__).parent
    folder.mkdir(parents=True, exist_ok=True)
    for item in installed.iterdir():
        link = folder / item.name
        if item.name != "work" and not link.is_symlink():
            link.symlink_to(item)
    return folder


@contextlib.contextmanager
def _jvm_output_to_log() -> Iterator[None]:
    """Points the file descriptors 1 and 2 at ``driver.log`` while a JVM is launched, which inherits them."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    with open(scratch() / "driver.log", "ab") as log:
        try:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            yield
        finally:
            for descriptor, copy in zip((1, 2), saved, strict=True):
                os.dup2(copy, descriptor)
                os.close(copy)


def _stop_jvm() -> None:
    """Ends the JVM, so that the next session may have another memory size and nothing is left running."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    # A JVM that was killed could not be told to stop: pyspark would take its session for a living one.
    SparkContext._active_spark_context = SparkSession._instantiatedSession = None
    gateway = SparkContext._gateway
    if gateway is None:
        return
    process: subprocess.Popen[bytes] = gateway.proc
    with contextlib.suppress(Exception):
        gateway.shutdown()
    SparkContext._gateway = SparkContext._jvm = None
    if process.stdin is not None:
        process.stdin.close()  # the JVM ends itself when its standard input closes
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
