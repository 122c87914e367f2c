"""The one place where the environment of an embedded cluster is made, and where what is set aside is named.

The embedded cluster is ours: it must not depend on what another installation of Spark, Java or Hadoop left in this
machine's variables and folders. So its processes get the variables of a list, and a configuration of our own.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import locale
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path

#: Variables that the cluster's processes inherit.
_KEPT = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|TERM|TZ|HOSTNAME|VIRTUAL_ENV|CONDA_PREFIX|LD_LIBRARY_PATH|LD_PRELOAD|DYLD_\w+"
    r"|NSS_WRAPPER_\w+"  # with LD_PRELOAD, it gives a user's number a name in a container
    r"|(CUDA|NVIDIA|OMP|MKL|OPENBLAS|NUMEXPR|COVERAGE|SPARKLIMITS)_\w+|PYTHON(HASHSEED|DONTWRITEBYTECODE)"
)
#: What other installations leave, and what it would bring along. `sparklimits doctor` tells.
FOREIGN = {
    "SPARK_CONF_DIR": "the settings of another Spark",
    "SPARK_HOME": "another Spark",
    "SPARK_REMOTE": "a server of Spark Connect, which has no RDDs",
    "SPARK_LOCAL_DIRS": "another place for temporary files (ours is SPARKLIMITS_TMP)",
    "SPARK_SUBMIT_OPTS": "options for Java",
    "SPARK_DIST_CLASSPATH": "classes of another Spark",
    "PYSPARK_SUBMIT_ARGS": "another master, packages or memory",
    "PYSPARK_PYTHON": "another Python",
    "PYSPARK_DRIVER_PYTHON": "another Python",
    "PYSPARK_GATEWAY_PORT": "a Java that runs already",
    "PYSPARK_PIN_THREAD": "another use of threads",
    "HADOOP_CONF_DIR": "another default file system",
    "YARN_CONF_DIR": "another cluster",
    "CLASSPATH": "classes of other programs",
    "JDK_JAVA_OPTIONS": "options for every Java, another heap for instance",
    "JAVA_TOOL_OPTIONS": "options for every Java, another heap for instance",
    "_JAVA_OPTIONS": "options for every Java, another heap for instance",
}
#: How further ones begin, or are called, and what they are.
_FOREIGN_KINDS = {
    r"SPARK_\w+|PYSPARK_\w+": "a setting of another Spark",
    r"HADOOP_\w+|HDFS_\w+|YARN_\w+|HIVE_\w+": "a setting of another Hadoop",
    r"(?i:(http|https|ftp|all)_proxy)": "a proxy, which cannot reach this machine's own addresses",
}
#: Those that pyspark reads in this very process, whenever a function of it is called.
_READ_HERE = re.compile(r"(PY)?SPARK_\w+|MASTER")
#: Those of Spark Connect, which has no RDDs: on no cluster can a lab use it.
_CONNECT = re.compile(r"SPARK_(REMOTE|LOCAL_REMOTE|API_MODE|CONNECT_\w+)")
#: Entries that were taken off Python's path.
_left: list[str] = []


def set_aside() -> dict[str, str]:
    """The variables of this process that an embedded cluster does not get, and what each would bring along."""
    named = {name: what for name, what in FOREIGN.items() if name in os.environ}
    for name in sorted(os.environ.keys() - named.keys()):
        if what := next((what for kind, what in _FOREIGN_KINDS.items() if re.fullmatch(kind, name)), None):
            named[name] = what
    return named


def of_java() -> dict[str, str]:
    """The variables for a Java that is only asked something: none of the options that others left for each Java.

    One of those may keep this version from starting.
    """
    options = ("JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS")
    kept = {name: value for name, value in os.environ.items() if name not in options}
    return {**kept, "LC_ALL": utf8_locale()}


@cache
def utf8_locale() -> str:
    """A locale of this machine in which the names of files may be in any language.

    Under POSIX, Java does not find its files in "ü", and Python's packages are not installed there.
    """
    return next(filter(knows, ("C.UTF-8", "C.utf8", "en_US.UTF-8", "UTF-8")), "C.UTF-8")


def knows(name: str) -> bool:
    """Whether this system knows a locale."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, name)
    except locale.Error:
        return False
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    return True


def pinned(package: str) -> str:
    """The version of a package that the course was made with; nothing when the course itself is not installed."""
    try:
        lines = importlib.metadata.requires("sparklimits") or []
    except importlib.metadata.PackageNotFoundError:
        return ""
    return next(
        (line.split("==")[1].split(";")[0].strip() for line in lines if line.startswith(f"{package}==")), ""
    )


def configuration(folder: Path, theirs: str | None = None) -> Path:
    """A configuration folder of our own under this one: how Spark logs, and what is in the folder ``theirs``.

    Named by ``SPARK_CONF_DIR``, it keeps the ``spark-defaults.conf`` and ``spark-env.sh`` of other installations out of
    the embedded cluster. For somebody else's cluster they are wanted: those are ``theirs``. Spark finds the settings of
    its logs there, whatever characters the path has.
    """
    place = folder / "conf"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    if theirs and os.path.isdir(theirs):
        shutil.copytree(theirs, place, dirs_exist_ok=True, copy_function=shutil.copyfile)
    log4j = resources.files("sparklimits") / "resources" / "log4j2.properties"
    (place / "log4j2.properties").write_text(log4j.read_text("utf-8"), "utf-8")
    return place


@contextlib.contextmanager
def private(ours: Mapping[str, str]) -> Iterator[None]:
    """Within the body, what this process starts has the variables of the list, and ``ours``.

    Afterwards all is as before, but for what would mislead pyspark in this very process.
    """
    before, folder = dict(os.environ), tempfile.tempdir
    kept = {name: value for name, value in before.items() if _KEPT.fullmatch(name)}
    _become({**kept, "LC_ALL": utf8_locale(), "PYTHONPATH": python_path(), **ours})
    tempfile.tempdir = ours.get("TMPDIR", folder)  # Python asks for it once only
    try:
        yield
    finally:
        tempfile.tempdir = folder
        _become({name: value for name, value in before.items() if not _READ_HERE.fullmatch(name)})


@contextlib.contextmanager
def with_added(ours: Mapping[str, str]) -> Iterator[None]:
    """Within the body, this process' variables and ``ours``: for a cluster that somebody else runs, and configures.

    Spark Connect alone is set aside, then and afterwards.
    """
    before = {name: value for name, value in os.environ.items() if not _CONNECT.fullmatch(name)}
    _become({**before, **ours})
    try:
        yield
    finally:
        _become(before)


def python_path() -> str:
    """This process' ``PYTHONPATH``, less what leads to a pyspark."""
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join(entry for entry in entries if entry and not _has_spark(entry))


def leave_other_sparks() -> list[str]:
    """Takes other installations of pyspark off Python's path, where the course's own is there too; says which.

    ``PYTHONPATH``, a startup file or ``findspark`` may have put them first. Harmless when called again.
    """
    version = pinned("pyspark")
    own = next((str(one.locate_file("")) for one in importlib.metadata.distributions(name="pyspark")
                if one.version == version), "")  # fmt: skip
    others = [entry for entry in sys.path if own and _has_spark(entry) and not os.path.samefile(entry, own)]
    sys.path[:] = [entry for entry in sys.path if entry not in others]
    _left.extend(others)
    return others


def left_aside() -> list[str]:
    """What :func:`leave_other_sparks` has taken off Python's path in this process."""
    return list(_left)


def _has_spark(entry: str) -> bool:
    if entry.endswith(".zip"):
        return bool(re.search(r"(py4j|pyspark)[^/]*\.zip$", entry)) and os.path.exists(entry)
    return any(os.path.isdir(os.path.join(entry, name)) for name in ("pyspark", "py4j"))


def _become(variables: Mapping[str, str]) -> None:
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)
