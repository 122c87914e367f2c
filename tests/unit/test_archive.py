"""The archive of Spark's classes: made whole or not at all, and used by no Java that it was not made for."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zipfile
from importlib import resources
from pathlib import Path

import pyspark
import pytest

from sparklimits.errors import MachineError
from sparklimits.machine.java import Java
from sparklimits.spark import archive


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Java:
    """A Java that does what ``behaves`` says; the environment is an empty folder."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    monkeypatch.setattr(archive, "class_path", lambda: "/spark/jars/*")
    (tmp_path / "bin").mkdir()
    return Java(tmp_path, 17, "PATH")


def behaves(java: Java, program: str) -> None:
    file = java.home / "bin" / "java"
    file.write_text(f"#!/bin/sh\n{program}\n")
    file.chmod(0o755)


#: Writes what it is told to list, and where, as a Java does that makes an archive.
WRITES = """\
for one; do case $one in
    -XX:SharedArchiveFile=*) archive=${one#*=} ;;
    -XX:SharedClassListFile=*) list=${one#*=} ;;
esac; done
cp "$list" "$archive\""""


def test_it_is_made_of_the_classes_that_the_labs_load(java: Java) -> None:
    behaves(java, WRITES)
    assert archive.options(java) == ""
    archive.write(java)
    made = archive.place(java)
    assert archive.options(java) == f"-XX:SharedArchiveFile={made}"
    assert {"org/apache/spark/SparkContext", "org/apache/spark/executor/CoarseGrainedExecutorBackend"} <= set(
        made.read_text().splitlines()
    )
    assert list(made.parent.iterdir()) == [made]


@pytest.mark.parametrize(
    ("program", "says"),
    [("echo 'no room for it' >&2; exit 1", "no room for it"), ("exit 3", "code 3")],
)
def test_what_java_could_not_write_leaves_nothing_and_says_why(java: Java, program: str, says: str) -> None:
    behaves(java, program)
    with pytest.raises(MachineError, match=says):
        archive.write(java)
    assert list(archive.place(java).parent.iterdir()) == []
    assert archive.options(java) == ""


def test_an_environment_that_cannot_be_written_is_a_sentence(java: Java) -> None:
    Path(sys.prefix).write_text("a file")
    with pytest.raises(MachineError, match="could not be written"):
        archive.write(java)


def test_a_java_that_refuses_it_or_is_gone_does_not_fit(java: Java) -> None:
    assert not archive.fits(java)
    behaves(java, WRITES)
    archive.write(java)
    behaves(java, 'case "$*" in *-Xshare:on*) exit 1 ;; esac')
    assert not archive.fits(java)
    behaves(java, "exit 0")
    assert archive.fits(java)
    (java.home / "bin" / "java").unlink()
    assert not archive.fits(java)


@pytest.mark.parametrize(
    ("folder", "can"),
    [("/home/anna/course", True), ("/home/anna/a:b", False), ("/home/anna/Spark Kurs", False), ("/ü", False)],
)
def test_a_class_path_holds_plain_names_alone(
    folder: str, can: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Spec:
        origin = f"{folder}/pyspark/__init__.py"

    monkeypatch.setattr(archive, "find_spec", lambda name: Spec)
    assert archive.class_path() == (f"{folder}/pyspark/jars/*" if can else "")


def test_set_up_goes_on_without_it(tmp_path: Path) -> None:
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path), "SPARKLIMITS_JAVA": "nothing"}
    done = subprocess.run(
        [sys.executable, "-m", "sparklimits.spark.archive"], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("Sessions of Spark will start more slowly; all else works.")


def test_the_list_is_of_this_spark() -> None:
    packed = resources.files("sparklimits") / "resources" / "classes.txt.gz"
    names = gzip.decompress(packed.read_bytes()).decode().splitlines()
    assert len(names) > 15_000
    # Another Spark has other classes: then tools/write_class_list.py writes the list anew.
    ours = {name for name in names if name.startswith("org/apache/spark/") and " " not in name}
    there = {
        member.removesuffix(".class")
        for jar in (Path(pyspark.__file__).parent / "jars").glob("spark-*.jar")
        for member in zipfile.ZipFile(jar).namelist()
    }
    assert len(ours & there) > 0.9 * len(ours) > 4_000
    assert not [name for name in names if "/tmp/" in name or "/home/" in name]
