"""Starts a session's JVM and its executors, quietly and on a configuration of our own, and ends them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sparklimits.errors import MachineError, in_one_line
from sparklimits.machine import environment, messages, user
from sparklimits.machine.java import find_java
from sparklimits.machine.paths import mark_session, programs, scratch
from sparklimits.machine.scale import SMALL, scale_from_environment
from sparklimits.spark import archive, guard, interrupts, master, nameless, quiet, room
from sparklimits.spark.constraints import Constraints

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Jobs, and stages, that the session's page remembers.
RETAINED = 20_000
#: For a session whose seconds do not count: without Java's second compiler, and with the plain collector, it is ready
#: sooner, and takes a third less of the processors when it lives for a minute. The first compiler's code wants more of
#: the stack: the lineage of twenty rounds of ALS would not fit.
_SHORT = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xss4m"


def start(constraints: Constraints, name: str, beside: bool) -> SparkSession:
    """A new session for these constraints; one that somebody else began in this process is stopped for it.

    Raises:
        MachineError: Spark did not start; the message has its reason, and where its log is kept.
    """
    environment.leave_other_sparks()
    from pyspark.sql import SparkSession

    address = master.address(constraints)
    folder, tools = scratch(), programs()
    local = master.backend() == "embedded"
    if local and not beside:
        room.require(constraints)
    found, spark_home = find_java(tools / "java"), _spark_home(tools / "home")
    temporary = tools / "tmp"
    temporary.mkdir(exist_ok=True)
    variables = {
        "JAVA_HOME": str(found.home),
        "SPARK_HOME": str(spark_home),
        "SPARK_CONF_DIR": str(
            environment.configuration(folder, None if local else os.environ.get("SPARK_CONF_DIR"))
        ),
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "TMPDIR": str(temporary),
    }
    if local:
        variables |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    elif "PYSPARK_PYTHON" not in os.environ:  # where set: Python may lie elsewhere on other machines
        variables["PYSPARK_PYTHON"] = sys.executable
    guard.write(Path(variables["SPARK_CONF_DIR"]))
    # Java's own counters lie in /tmp, which may be full: it would be killed when it writes them.
    short = beside or scale_from_environment() <= SMALL
    java = f"-Djava.io.tmpdir={temporary} -XX:-UsePerfData {_SHORT if short else ''}".strip()
    # Java gives its archive up where a module is patched.
    archived = archive.options(found) if user.has_name() else ""
    if not user.has_name():
        java += f" {nameless.options(found.home, spark_home / 'jars', tools / 'user')}"
        variables |= nameless.VARIABLES
    java = f"{java} {archived}".strip()
    first = archive.class_path() if archived else ""
    settings = {
        "spark.ui.port": "0",
        "spark.ui.showConsoleProgress": "false",
        # Jobs and stages that Spark's page remembers: 1,000 of each by default, and a job that it has forgotten
        # cannot be counted.
        "spark.ui.retainedJobs": str(RETAINED),
        "spark.ui.retainedStages": str(RETAINED),
        # What Spark tells its page: 10,000 events may wait by default, and more are dropped, so that a job whose end is
        # among them would run for ever there.
        "spark.scheduler.listenerbus.eventqueue.capacity": str(10 * RETAINED),
        "spark.local.dir": str(folder / "local"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.executor.instances": str(constraints.executors),
        "spark.executor.cores": str(constraints.cores),
        "spark.executor.memory": f"{constraints.memory_mb}m",
        "spark.driver.memory": f"{constraints.driver_memory_mb}m",
        # Java unpacks its native libraries there: /tmp may be too small, or may not be executed from.
        "spark.driver.extraJavaOptions": java,
        **({"spark.driver.extraClassPath": first} if first else {}),
        # Results travel to pandas as Arrow: the time of a run is Spark's, not that of building Python rows.
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        # All executors share this host. Without this line they read each other's shuffle files from the
        # disk, and the counters of remote bytes stay at zero.
        **({"spark.shuffle.readHostLocalDisk": "false"} if local else {}),
        **(
            {"spark.executor.extraJavaOptions": java, "spark.hadoop.fs.defaultFS": "file:///"}
            if local
            else {}
        ),
        **({"spark.executor.extraClassPath": first} if local and first else {}),
        **(_in_containers(beside) if master.backend() == "docker" else {}),
        **constraints.settings,
    }
    _replace_a_strangers_session()
    with output_to_log(), environment.private(variables) if local else environment.with_added(variables):
        builder = SparkSession.builder.master(address).appName(name)
        for key, value in settings.items():
            builder = builder.config(key, value)
        try:
            spark = builder.getOrCreate()
            interrupts.heed()
        except KeyboardInterrupt as interrupt:
            _end_half_started(interrupt)
            raise
        except Exception as error:
            reason = in_one_line(error)  # before Java is stopped: it is asked for what its error says
            end()
            told = messages.tell("not_started", master=address, reason=reason.rstrip("."), log=_kept_log())
            raise MachineError(told) from error
        finally:
            interrupts.install()  # pyspark has set a handler of its own, which asks Java on a busy connection
    mark_session(True)
    guard.share(str(spark.sparkContext.uiWebUrl))
    quiet.keep_off_the_screen(folder / "driver.log")
    return spark


def _end_half_started(interrupt: KeyboardInterrupt) -> None:
    """Ends a Java that was still being started: only the place that was interrupted knows of it."""
    for frame, _ in traceback.walk_tb(interrupt.__traceback__):
        process = frame.f_locals.get("proc")
        if isinstance(process, subprocess.Popen):
            process.kill()
            process.wait()
    end()


def _kept_log() -> str:
    """Keeps the log of a start that failed, which would go with this process; says where, and its last error."""
    log, kept = scratch() / "driver.log", scratch().resolve().parent / "last-failed-start.log"
    with contextlib.suppress(OSError):
        shutil.copy(log, kept)
        lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
        told = next((line for line in reversed(lines) if "rror" in line or "Exception" in line), "")
        return f"Its log, {kept}, says: {told[:300].rstrip('.')}." if told else f"Its log is {kept}."
    return "Its log could not be kept."


def _replace_a_strangers_session() -> None:
    """Stops a session that somebody else began in this process: it cannot become a lab's cluster."""
    from pyspark import SparkContext

    stranger = SparkContext._active_spark_context
    if stranger is None and SparkContext._gateway is None:
        return
    if stranger is not None:
        print(messages.tell("session_of_others", master=stranger.master))
        with contextlib.suppress(Exception):
            stranger.stop()
    end()


def _in_containers(beside: bool) -> dict[str, str]:
    """What a session needs in the container of the lab, whose name in the network of the workers is ``driver``.

    Each worker has two cores to give away, and one resource called ``machine``. An ordinary session asks for one
    with each executor, so that it has one executor on each worker, also on one that comes later. The other core is
    for a session beside it.
    """
    return {
        "spark.driver.host": "driver",
        "spark.driver.bindAddress": "0.0.0.0",
        "spark.executor.cores": "1",
        **({} if beside else {"spark.executor.resource.machine.amount": "1"}),
    }


def _spark_home(folder: Path) -> Path:
    """A private SPARK_HOME of links into the installed pyspark.

    The workers of ``local-cluster`` write their files to ``$SPARK_HOME/work``. In a shared installation that
    folder is read-only or everybody's; here it lies in the scratch folder and goes away with it.
    """
    import pyspark

    installed = Path(pyspark.__file__).parent
    if not (installed / "jars").is_dir() or pyspark.__version__ != environment.pinned("pyspark"):
        raise MachineError(messages.tell("pyspark_of_others", path=installed, version=pyspark.__version__))
    folder.mkdir(parents=True, exist_ok=True)
    for item in installed.iterdir():
        link = folder / item.name
        if item.name != "work" and not link.is_symlink():
            link.symlink_to(item)
    return folder


@contextlib.contextmanager
def output_to_log() -> Iterator[None]:
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


def remove_files() -> None:
    """Removes the files of a session that has ended."""
    for name in ("local", "warehouse"):
        shutil.rmtree(scratch() / name, ignore_errors=True)
    for name in ("home", "tmp", "user"):
        shutil.rmtree(programs() / name, ignore_errors=True)
    mark_session(False)


def end() -> None:
    """Ends the JVM, so that the next session may have another memory size and nothing is left running."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    # A JVM that was killed could not be told to stop: pyspark would take its session for a living one.
    SparkContext._active_spark_context = SparkSession._instantiatedSession = None
    guard.unshare()
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
