"""An archive of Spark's classes, which Java maps into memory instead of reading and verifying them.

Much of a session's start, and of its first jobs, is Java reading 20,000 classes out of 260 files, in the driver
and in each executor again. Java calls the archive application class-data sharing (JEP 310). Set-up makes it, of the
classes in ``resources/classes.txt.gz``, which ``tools/write_class_list.py`` writes. A Java that it was not made for
does without it, and says nothing; so does this course where there is none.
"""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
import tempfile
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from sparklimits.errors import MachineError
from sparklimits.machine import environment
from sparklimits.machine.java import Java, find_java
from sparklimits.machine.paths import programs

#: Without Java's second compiler the archive is written in half the time.
_QUICK = ("-XX:-UsePerfData", "-XX:TieredStopAtLevel=1", "-Xlog:disable", "-Xlog:all=error:stderr")
#: Seconds that a slow machine may take for it.
_LONGEST = 900
#: What may stand in a class path and in Java's options as it is.
_PLAIN = re.compile(r"[\w/.+@~-]+", re.ASCII)


def class_path() -> str:
    """The installed Spark's class path, the same for each session: the archive belongs to these very words.

    Empty where no Spark is installed, or its place has a name that a class path cannot hold.
    """
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        return ""
    jars = Path(spec.origin).parent / "jars"
    return f"{jars}/*" if _PLAIN.fullmatch(str(jars)) else ""


def place(java: Java) -> Path:
    """Where the archive for such a Java lies: in the environment that its Spark is installed in."""
    return Path(sys.prefix) / "share" / "sparklimits" / f"classes-java{java.version}.jsa"


def options(java: Java) -> str:
    """Java's option for a process that has :func:`class_path` before all other classes; empty without an archive."""
    return f"-XX:SharedArchiveFile={place(java)}" if class_path() and place(java).is_file() else ""


def fits(java: Java) -> bool:
    """Whether there is an archive, and this Java takes it: one of another build does not."""
    # With -Xshare:on Java ends with an error where it would do without.
    asked = (options(java), "-Xshare:on", "-XX:-UsePerfData", "-cp", class_path(), "-version")
    try:
        return bool(options(java)) and _java(java, *asked).returncode == 0
    except OSError:
        return False


def write(java: Java) -> None:
    """Writes the archive for this Java, in about a minute.

    Raises:
        MachineError: it cannot be written; sessions do without it.
    """
    if not class_path():
        raise MachineError("Spark's folder has a name that Java's class path cannot hold.")
    target = place(java)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            names, made = Path(folder) / "classes.txt", Path(folder) / target.name
            packed = resources.files("sparklimits") / "resources" / "classes.txt.gz"
            names.write_bytes(gzip.decompress(packed.read_bytes()))
            done = _java(
                java, "-Xshare:dump", f"-XX:SharedClassListFile={names}", f"-XX:SharedArchiveFile={made}", *_QUICK,
                "-cp", class_path(),
            )  # fmt: skip
            if not made.is_file():
                said = (done.stderr or done.stdout).strip().splitlines()
                raise MachineError(
                    f"Java did not write it: {said[-1] if said else f'code {done.returncode}'}"
                )
            made.chmod(0o644)
            os.replace(made, target)  # whole, or not at all
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MachineError(f"It could not be written: {error}") from error


def _java(java: Java, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(java.home / "bin" / "java"), *arguments], capture_output=True, text=True, errors="replace",
        env=environment.of_java(), timeout=_LONGEST,
    )  # fmt: skip


def main() -> None:
    """Set-up's step: has an archive that fits the Java of the labs."""
    java = find_java(programs() / "java")
    if not fits(java):
        write(java)


if __name__ == "__main__":
    try:
        main()
    except MachineError as error:
        sys.exit(f"{error} Sessions of Spark will start more slowly; all else works.")
