"""The Docker cluster on a real engine, and what is said where there is none."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from sparklimits.containers import cluster, engine, errands, image
from sparklimits.errors import MachineError
from sparklimits.spark.session import Machines
from tests import browser
from tests.submissions import ROOT, four


def _engine() -> bool:
    try:
        return subprocess.run(["docker", "version"], capture_output=True, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


needs_engine = pytest.mark.skipif(not _engine(), reason="no Docker engine")


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout.strip()


def sparklimits(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sparklimits", *arguments], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, **environment}, timeout=900,
    )  # fmt: skip


# Without an engine.


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (
            "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
            "You may not use Docker's engine",
        ),
        ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "engine does not run"),
        ("docker: 'compose' is not a docker command.", "no compose plugin"),
        ("write /var/lib/docker/tmp: no space left on device", "disk of Docker's engine is full"),
        ("something else\nthe last line", "Docker failed: the last line"),
    ],
)
def test_what_docker_says_is_told_with_its_remedy(
    says: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "docker"
    fake.write_text(f'#!/bin/sh\necho "{says}" >&2\nexit 1\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(MachineError, match=told):
        cluster.status()
    assert not errands.serve()


def test_a_machine_without_docker_is_told_where_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match=r"Docker is not installed: https://.* The labs run without it"):
        cluster.status()
    assert not errands.serve()


def test_rates_and_numbers_of_workers_are_checked() -> None:
    assert cluster.checked_rates("100mbit") == (100.0,)
    assert cluster.checked_rates("1gbit, 512kbit") == (1000.0, 0.512)
    for text in ("100", "fast", "0mbit", "100mbit,", "100mbps"):
        with pytest.raises(MachineError, match="write a rate such as 100mbit"):
            cluster.checked_rates(text)
    assert cluster.checked_latency("2.5ms") == 2.5
    for text in ("5", "5s", "-1ms"):
        with pytest.raises(MachineError, match="write milliseconds"):
            cluster.checked_latency(text)
    assert cluster.checked_workers(3) == 3
    with pytest.raises(MachineError, match="1 to 32 workers"):
        cluster.checked_workers(0)


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert cluster.free_port(port) > port


@needs_engine
def test_an_engine_that_does_not_run_and_one_that_is_not_for_you(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    with pytest.raises(MachineError, match="engine does not run"):
        cluster.status()
    monkeypatch.delenv("DOCKER_HOST")
    if os.geteuid() == 0:
        stranger = tmp_path / "docker"
        real = shutil.which("docker")
        stranger.write_text(f'#!/bin/sh\nexec setpriv --reuid=65534 --clear-groups {real} "$@"\n')
        stranger.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        with pytest.raises(MachineError, match="You may not use Docker's engine"):
            cluster.status()


@needs_engine
@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("dockerd") is None,
    reason="only root can start an engine on a small disk",
)
def test_a_full_disk_of_the_engine_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", disk]).returncode:
        pytest.skip("no right to mount a small disk")
    socket_of_it = f"unix://{tmp_path}/docker.sock"
    # In a network of its own: an engine that is told to have no bridge removes that of the engine beside it.
    command = [
        "unshare", "--net", "dockerd", "--host", socket_of_it, "--data-root", disk / "data",
        "--exec-root", tmp_path / "run", "--pidfile", tmp_path / "pid",
        "--bridge", "none", "--iptables=false", "--ip6tables=false",
    ]  # fmt: skip
    engine_of_it = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("DOCKER_HOST", socket_of_it)
        monkeypatch.setenv("COMPOSE_PROJECT_NAME", "sparklimits-full")
        deadline = time.monotonic() + 60
        while not _engine():
            assert time.monotonic() < deadline
            time.sleep(0.2)
        nothing = subprocess.run(
            ["tar", "--create", "--files-from", "/dev/null"], capture_output=True, check=True
        )
        subprocess.run(["docker", "import", "-", "debian:bookworm-slim"], input=nothing.stdout, check=True)
        with contextlib.suppress(OSError), (disk / "full").open("wb") as file:
            while True:
                file.write(bytes(2**16))
        with pytest.raises(MachineError, match="disk of Docker's engine is full: `docker system prune`"):
            cluster.up(Machines())
    finally:
        engine_of_it.terminate()
        engine_of_it.wait()
        subprocess.run(["umount", disk], check=True)


# The cluster.

WORKERS = 4


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A course of its own, with a cluster of its own: a developer may have both."""
    folder = tmp_path_factory.mktemp("course")
    for name in ("docker", "labs", "solutions", "src"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    for name in ("constraints.txt", "pyproject.toml", "nbgrader_config.py"):
        shutil.copy(ROOT / name, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARKLIMITS_HOME", str(folder))
        patch.setenv("COMPOSE_PROJECT_NAME", "sparklimits-test")
        yield folder


@pytest.fixture(scope="module")
def addresses(course: Path) -> Iterator[list[str]]:
    """The cluster of lab 2, for all tests below; the ports that it would take first are not free."""
    sparklimits("cluster", "down")
    with socket.socket() as jupyter, socket.socket() as spark:
        for taken, port in ((jupyter, cluster.LAB_PORT), (spark, cluster.SPARK_PORT)):
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", port))
            taken.listen()
        done = sparklimits("cluster", "up", "--lab", "lab2_skew")
    assert done.returncode == 0, done.stderr
    yield done.stdout.split()
    done = sparklimits("cluster", "down")
    assert done.returncode == 0, done.stderr
    for kind in (["ps", "--all"], ["network", "ls"], ["volume", "ls"]):
        left = docker(*kind, "--quiet", "--filter", f"label=com.docker.compose.project={engine.project()}")
        assert left == "", f"docker {kind} has something left"


def machines(role: str) -> list[str]:
    return engine.ids(role)


def in_lab(script: str) -> subprocess.CompletedProcess[str]:
    """Runs Python in the lab's container."""
    (lab,) = machines("lab")
    command = ["docker", "exec", "--interactive", lab, "python", "-"]
    return subprocess.run(command, input=script, capture_output=True, text=True, timeout=300)


@needs_engine
def test_the_addresses_are_for_this_machine_alone(addresses: list[str]) -> None:
    jupyter, spark = (word for word in addresses if word.startswith("http://127.0.0.1:"))
    assert f":{cluster.LAB_PORT}/" not in jupyter
    assert not spark.endswith(f":{cluster.SPARK_PORT}")
    with urllib.request.urlopen(jupyter, timeout=20) as answer:
        assert "JupyterLab" in answer.read().decode()
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(jupyter.split("?")[0].replace("/lab", "/api/contents"), timeout=20)
    with urllib.request.urlopen(f"{spark}/json/", timeout=20) as answer:
        assert json.load(answer)["aliveworkers"] == WORKERS
    for one in engine.inspect(engine.ids()):
        for bound in (one["HostConfig"]["PortBindings"] or {}).values():
            assert [entry["HostIp"] for entry in bound] == ["127.0.0.1"]


@needs_engine
def test_nobody_is_root_or_may_change_the_network(addresses: list[str]) -> None:
    for container in engine.ids():
        said = docker("exec", container, "sh", "-c", "grep -h -E '^(Uid|CapEff|CapBnd)' /proc/[0-9]*/status")
        for line in said.splitlines():
            name, first, *_ = line.split()
            assert (int(first) > 0) if name == "Uid:" else (int(first, 16) == 0), said


@needs_engine
def test_the_image_is_small_enough(addresses: list[str]) -> None:
    assert int(docker("image", "inspect", "--format", "{{.Size}}", image.name(gpu=False))) < 2.5e9


@needs_engine
def test_what_is_written_belongs_to_the_student(addresses: list[str], course: Path) -> None:
    notebook = course / "work" / "lab2_skew" / "lab2_skew.ipynb"
    assert notebook.stat().st_uid == cluster.user() > 0
    (lab,) = machines("lab")
    docker("exec", lab, "touch", "/course/work/written")
    written = course / "work" / "written"
    assert written.stat().st_uid == cluster.user()
    assert stat.S_ISREG(written.stat().st_mode)
    written.unlink()


_SEND = """
import socket, sys, time
with socket.create_connection((sys.argv[1], 9999)) as to:
    began = time.monotonic()
    to.sendall(bytes(4_000_000))
    to.shutdown(socket.SHUT_WR)
    to.recv(1)
    print(time.monotonic() - began)
"""
_RECEIVE = """
import socket
with socket.create_server(("0.0.0.0", 9999)) as server:
    to, _ = server.accept()
    with to:
        while to.recv(65536): pass
        to.sendall(b".")
"""


@needs_engine
def test_links_have_the_rate_that_was_asked_for_in_two_racks(addresses: list[str]) -> None:
    done = sparklimits("cluster", "up", "--bandwidth", "32mbit,8mbit")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == addresses, "the lab's container was left alone"
    workers = [one for one in cluster.status() if one.role == "worker"]
    assert [one.link for one in workers] == ["32Mbit", "8Mbit"] * (WORKERS // 2)
    assert {one.cpus for one in workers} == {0.5}
    names = [one.name for one in workers]
    for sender, mbit in ((names[0], 32), (names[1], 8)):
        server = subprocess.Popen(["docker", "exec", names[2], "python", "-c", _RECEIVE])
        time.sleep(1)
        address = cluster._address(engine.inspect([names[2]])[0])
        seconds = float(docker("exec", sender, "python", "-c", _SEND, address))
        server.wait()
        # 4 MB; the bucket is nearly empty at once, and headers take a few per cent.
        assert 0.9 < seconds / (32 / mbit) < 2, (sender, seconds)
    assert sparklimits("cluster", "up", "--lab", "lab2_skew").returncode == 0


_ROUND_TRIP = """
import socket, sys, time
with socket.create_connection((sys.argv[1], 9999)) as to:
    began = time.monotonic()
    to.shutdown(socket.SHUT_WR)
    to.recv(1)
    print(time.monotonic() - began)
"""


@needs_engine
def test_links_have_latency_where_the_kernel_can(addresses: list[str]) -> None:
    done = sparklimits("cluster", "up", "--lab", "lab2_skew", "--latency", "40ms")
    workers = [one for one in cluster.status() if one.role == "worker"]
    if done.returncode:
        assert "This kernel cannot delay packets" in done.stderr
    else:
        assert {one.link for one in workers} == {"100Mbit, 40ms"}
        names = [one.name for one in workers[:2]]
        server = subprocess.Popen(["docker", "exec", names[1], "python", "-c", _RECEIVE])
        time.sleep(1)
        address = cluster._address(engine.inspect([names[1]])[0])
        seconds = float(docker("exec", names[0], "python", "-c", _ROUND_TRIP, address))
        server.wait()
        assert 0.08 <= seconds < 1, "there and back again"
    assert sparklimits("cluster", "up", "--lab", "lab2_skew").returncode == 0
    workers = [one for one in cluster.status() if one.role == "worker"]
    assert {one.link for one in workers} == {"100Mbit"}


@needs_engine
@pytest.mark.parametrize("lab", ["lab2_skew", "lab3_network"])
def test_a_lab_is_measured_there(addresses: list[str], lab: str) -> None:
    assert sparklimits("cluster", "up", "--lab", lab).returncode == 0
    done = sparklimits("run", lab, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    print(result["speedup"], result["low"], result["high"], result["evidence"])
    assert result["backend"] == "docker"
    assert result["verdict"] == "passed", result


_LATER = """
import time
from sparklimits.spark import session
from sparklimits.spark import executors
from sparklimits.measurement.experiment import Experiment
from sparklimits.labs import find
lab = find("lab2_skew")
spark = session.get(lab.constraints)
print(executors.count(spark), flush=True)
while executors.count(spark) < {workers}: time.sleep(0.2)
run = Experiment(lab, spark, scale=0.05).run(lab.naive)
print(len({{task.executor for task in run.merged.tasks}}), run.quality.ok)
"""


@needs_engine
def test_a_worker_that_comes_later_is_used(addresses: list[str]) -> None:
    (lab,) = machines("lab")
    command = ["docker", "exec", "--interactive", lab, "python", "-c", _LATER.format(workers=WORKERS + 1)]
    session = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert session.stdout is not None
    assert int(session.stdout.readline()) == WORKERS
    assert sparklimits("cluster", "up", "--workers", str(WORKERS + 1)).returncode == 0
    assert session.stdout.readline().split() == [str(WORKERS + 1), "True"]
    assert session.wait(60) == 0
    assert sparklimits("cluster", "up", "--workers", str(WORKERS)).returncode == 0


_JOB = """
import threading, time
from sparklimits.spark import session
from sparklimits.errors import in_one_line
spark = session.get()
numbers = spark.sparkContext.parallelize(range(24), 24)
print("ready", flush=True)
def busy(number):
    end = time.process_time() + 1
    while time.process_time() < end: pass
    return number
try:
    print(sum(numbers.map(busy).collect()))
except Exception as error:
    print(in_one_line(error))
"""


def killed(workers: list[str]) -> tuple[str, float]:
    """What a job says whose workers are killed, and the seconds after that."""
    (lab,) = machines("lab")
    job = subprocess.Popen(
        ["docker", "exec", "--interactive", lab, "python", "-c", _JOB], stdout=subprocess.PIPE, text=True
    )
    assert job.stdout is not None
    assert job.stdout.readline() == "ready\n"
    time.sleep(4)
    docker("kill", *workers)
    began = time.monotonic()
    said = job.communicate(timeout=300)[0]
    return said, time.monotonic() - began


@needs_engine
def test_a_worker_that_is_killed_is_made_up_for(addresses: list[str]) -> None:
    said, _ = killed(machines("worker")[:1])
    assert said == f"{sum(range(24))}\n"
    ended = [one.state for one in cluster.status() if not one.state.startswith("running")]
    assert ended == ["exited"]
    assert sparklimits("cluster", "up", "--lab", "lab2_skew").returncode == 0
    assert len(machines("worker")) == WORKERS


@needs_engine
def test_workers_that_are_all_gone_are_an_error_within_a_minute(addresses: list[str]) -> None:
    said, seconds = killed(machines("worker"))
    assert "all workers of spark://spark-master:7077 are gone" in said
    assert seconds < 60
    assert sparklimits("cluster", "up", "--lab", "lab2_skew").returncode == 0


@needs_engine
def test_a_container_out_of_memory_is_named(addresses: list[str]) -> None:
    done = in_lab("""
from sparklimits.spark import session
from sparklimits.errors import in_one_line
spark = session.get()
try:
    spark.sparkContext.parallelize(range(4), 4).map(lambda _: len(b"x" * 8_000_000_000)).collect()
except Exception as error:
    print(in_one_line(error))
""")
    assert "out of memory" in done.stdout, done
    assert any("out of memory" in one.state for one in cluster.status())


@needs_engine
def test_an_image_that_is_older_than_the_checkout_is_named(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "source", lambda: "newer")
    with (
        pytest.raises(MachineError, match="not that of this checkout any more"),
        errands.handed_over({}),
    ):
        pass


@needs_engine
@pytest.mark.skipif(
    not (browser.BROWSER and browser.DRIVER), reason="no chromium and chromedriver on this machine"
)
def test_a_notebook_runs_to_its_end_in_the_containers_jupyterlab(
    addresses: list[str], course: Path, tmp_path: Path
) -> None:
    assert sparklimits("cluster", "up", "--lab", "lab2_skew").returncode == 0
    (lab,) = machines("lab")
    notebook = tmp_path / "reference.ipynb"
    nbformat.write(four("lab2_skew")["reference"], notebook)
    docker("cp", str(notebook), f"{lab}:/tmp/reference.ipynb")
    # Its commands and its notebook can be asked for by scripts.
    settings = json.dumps({"LabApp": {"expose_app_in_browser": True}})
    docker(
        "exec", lab, "sh", "-c",
        f"cat /tmp/reference.ipynb > /course/work/lab2_skew/lab2_skew.ipynb; mkdir -p ~/.jupyter; "
        f"echo '{settings}' > ~/.jupyter/jupyter_lab_config.json; "
        f"mkdir -p $(dirname ~/{browser.STARTUP}); echo \"$0\" > ~/{browser.STARTUP}", browser.LESS_DATA,
    )  # fmt: skip
    docker("restart", lab)
    jupyter = next(word for word in addresses if "token=" in word)
    browser.wait("JupyterLab", 60, lambda: _answers(jupyter))
    with browser.chromium(tmp_path) as driver:
        page = browser.LabPage(driver, jupyter)
        print(f"Run All Cells took {page.run_all(limit=900):.0f} s")
        done = page.notebook()
        assert browser.troubles_of(done) == []
        shown, broken = page.pictures()
        assert not broken
        assert len(shown) == browser.pictures_of(done) >= 10
        spark, title = page.spark_page()
        assert "Spark" in title
        assert f":{cluster._published(engine.inspect(machines('master'))[0])}/proxy/app-" in spark


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
