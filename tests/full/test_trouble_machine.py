"""Machines and folders as people have them, with a real Spark: for each kind one that is as bad as it gets."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.submissions import ROOT

PROBE = ROOT / "tests" / "programs" / "probe.py"
#: A user's number that has no name.
NAMELESS = 54321

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user, or limit itself")


def last_json(done: subprocess.CompletedProcess[str]) -> dict:
    assert done.stdout.strip(), done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


class Group:
    """A control group, nested in one that has the limit of memory, on a system of either kind."""

    def __init__(self, memory: str) -> None:
        older = Path("/sys/fs/cgroup/memory/memory.limit_in_bytes").exists()
        self.outer = Path("/sys/fs/cgroup", "memory" if older else "", f"sparklimits-test-{os.getpid()}")
        self.inner = self.outer / "inner"
        try:
            self.inner.mkdir(parents=True)
            (self.outer / ("memory.limit_in_bytes" if older else "memory.max")).write_text(memory)
        except OSError as error:
            pytest.skip(f"this machine does not let a test make control groups ({error})")

    def within(self, *command: str) -> list[str]:
        """The command that does this one in the group."""
        return ["bash", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(self.inner), *command]

    def remove(self) -> None:
        for folder in (self.inner, self.outer):
            subprocess.run(["rmdir", str(folder)], check=False)


@pytest.fixture
def odd() -> Iterator[Path]:
    """A course in a folder with a space, an umlaut, brackets, a comma, an apostrophe and a Greek letter."""
    top = Path("/tmp") / f"Jürgen's Kurs [2026], α {os.getpid()}"
    course = top / "course"
    for part in ("src", "labs"):
        shutil.copytree(ROOT / part, course / part, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    shutil.copy(ROOT / "nbgrader_config.py", course)
    foreign = top / "conf"
    foreign.mkdir()
    (foreign / "spark-defaults.conf").write_text(
        "spark.ui.enabled false\nspark.sql.adaptive.enabled false\nspark.driver.host nowhere.example\n"
        "spark.plugins com.nvidia.spark.SQLPlugin\n"
    )
    (foreign / "spark-env.sh").write_text("export SPARK_LOCAL_IP=10.0.0.9\n")
    yield course
    shutil.rmtree(top)


def bare(course: Path, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(course / "src"), "PYTHONDONTWRITEBYTECODE": "1",
            "SPARKLIMITS_HOME": str(course), "SPARKLIMITS_SCALE": "0.1", **more}  # fmt: skip


@needs_root
def test_all_at_once(odd: Path) -> None:
    """A nameless user without a home, POSIX, a foreign configuration, a proxy, 6 GB in a nested group."""
    for path in (odd, *odd.rglob("*")):
        os.chown(path, NAMELESS, NAMELESS)
    group = Group("6G")
    variables = bare(
        odd, HOME="/", LC_ALL="POSIX", SPARK_CONF_DIR=str(odd.parent / "conf"), http_proxy="http://127.0.0.1:9",
        SPARK_REMOTE="sc://localhost:15002", PYSPARK_SUBMIT_ARGS="--master yarn pyspark-shell",
        JDK_JAVA_OPTIONS="-Xmx64m", HADOOP_CONF_DIR="/nowhere",
    )  # fmt: skip
    try:
        user = ["setpriv", f"--reuid={NAMELESS}", f"--regid={NAMELESS}", "--clear-groups"]
        done = subprocess.run(
            group.within(*user, sys.executable, str(PROBE)), cwd=odd, env=variables,
            capture_output=True, text=True, timeout=600,
        )  # fmt: skip
    finally:
        group.remove()
    found = last_json(done)
    assert found["executors"] == 2, found
    assert found["rows"] > 1000
    assert found["tasks"] > 1
    assert found["adaptive"] == "true"
    assert "Traceback" not in done.stderr
    assert list((odd / ".sparklimits").iterdir()) == []


@needs_root
def test_a_group_that_is_too_small_is_named_before_anything_starts(tmp_path: Path) -> None:
    group = Group("2G")
    try:
        done = subprocess.run(
            group.within(sys.executable, str(PROBE)), env={**os.environ, "SPARKLIMITS_TMP": str(tmp_path)},
            capture_output=True, text=True, timeout=100,
        )  # fmt: skip
    finally:
        group.remove()
    assert f"{group.outer} grants 2.1 GB" in last_json(done)["message"]


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A copy of the package and of the probe that is still there when another disk lies over /tmp."""
    if Path(sys.prefix).is_relative_to("/tmp"):
        pytest.skip("Python itself lies under /tmp")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        shutil.copytree(ROOT / "src", Path(folder) / "src", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(PROBE, folder)
        yield Path(folder)


@needs_root
def test_neither_tmp_nor_the_chosen_folder_may_be_executed_from(elsewhere: Path) -> None:
    """Both are mounted with noexec, and /tmp has one megabyte: links and programs go to a third place."""
    script = f"""
        mount -t tmpfs -o mode=1777,noexec,size=1m tmpfs /tmp || exit 77
        mount -t tmpfs -o noexec,size=2g tmpfs /mnt
        cd / && exec {sys.executable} {elsewhere / PROBE.name}
"""
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", script],
        env={**bare(elsewhere), "SPARKLIMITS_TMP": "/mnt/temporary", "HOME": "/root"},
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("this machine does not let a test mount disks")
    found = last_json(done)
    assert found.get("executors") == 2, found
    assert not str(found["temporary"]).startswith(("/tmp", "/mnt")), found
    assert not Path(str(found["temporary"])).exists()


def test_the_doctor_tries_a_cluster() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sparklimits", "doctor", "--try", "--json"],
        capture_output=True, text=True, timeout=600, cwd=ROOT,
    )  # fmt: skip
    found = json.loads(done.stdout)["trial"]
    assert [one["name"] for one in found] == ["Cluster", "Files", "Shuffle", "Python", "Spark's page"]
    assert all(one["ok"] for one in found), found
