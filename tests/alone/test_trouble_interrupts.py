"""Interrupts and dead sessions in a real Jupyter kernel: what the reader sees, and what is left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.kernel import Kernel, Ran, bound

OPEN = """
import os, time
from pathlib import Path
from pyspark import SparkContext
from sparklimits.labs import find
from sparklimits.notebook import OpenLab, open_lab
from tests.tiny_lab import LAB
open_lab.__globals__["find"] = lambda name: LAB if name == "tiny" else find(name)
lab = open_lab("tiny")
numbers = lab.data["numbers"]

def slow(numbers, file):
    def wait(batches):
        Path(file).touch()
        time.sleep(60)
        yield from batches
    return numbers.mapInPandas(wait, numbers.schema)
"""


#: The graded functions, in a cell that stands alone.
ANSWER = """
import time
from pathlib import Path

def even(numbers):
    def wait(batches):
        Path(FILE).touch()
        time.sleep(60)
        yield from batches
    return numbers.mapInPandas(wait, numbers.schema)

odd = even
"""


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    found = Kernel()
    assert found.run(OPEN).errors == []
    yield found
    found.end()


def works(kernel: Kernel) -> bool:
    """Whether the next cell has the right answer, and no job is left."""
    ran = kernel.run("print(numbers.count() > 0, lab.spark.sparkContext.statusTracker().getActiveJobsIds())")
    return "True []" in ran.screen


def is_an_interrupt(ran: Ran) -> None:
    assert ran.seconds < bound(5)
    (error,) = ran.errors
    assert error.startswith("Interrupted: what this cell had running was stopped, and nothing was measured.")
    assert len(ran.screen.splitlines()) < 12, ran.screen
    assert "py4j" not in ran.screen
    assert any("whole story" in one for one in ran.texts)


@pytest.mark.shows("interrupted")
@pytest.mark.parametrize(
    "cell",
    [
        "lab.watch(slow, numbers, FILE)",
        "slow(numbers, FILE).toPandas()",
        "slow(numbers, FILE).rdd.collect()",
        "numbers.foreach(lambda row: (Path(FILE).touch(), time.sleep(60)))",
        "lab.prove()",
        "try:\n    slow(numbers, FILE).toPandas()\nexcept Exception:\n    pass\nnumbers.count()",
    ],
    ids=["watch", "toPandas", "collect", "foreach", "prove", "caught"],
)
def test_an_interrupt_is_an_interrupt(kernel: Kernel, tmp_path: Path, cell: str) -> None:
    file = str(tmp_path / "running")
    assert kernel.run(f"FILE = {file!r}\n{ANSWER}").errors == []
    is_an_interrupt(kernel.run(cell, interrupt=file))
    assert works(kernel)


def test_an_impatient_reader_presses_three_times(kernel: Kernel, tmp_path: Path) -> None:
    file = str(tmp_path / "running")
    ran = kernel.run(f"lab.watch(slow, numbers, {file!r})", interrupt=file, presses=3)
    assert ran.seconds < bound(5)
    assert ran.errors[0].startswith("Interrupted: ")
    assert "py4j" not in ran.screen
    assert works(kernel)


def test_a_start_that_is_interrupted_leaves_nothing_and_can_be_made_again(tmp_path: Path) -> None:
    kernel = Kernel(SPARKLIMITS_TMP=str(tmp_path))
    kernel.run(OPEN.split("lab = ")[0])
    file = str(tmp_path / "starting")
    cell = (
        "from pyspark import java_gateway\n"
        "def starts(*arguments, starts=java_gateway.Popen, **options):\n"
        "    process = starts(*arguments, **options)\n"
        f"    Path({file!r}).touch()\n"
        "    return process\n"
        "java_gateway.Popen = starts\n"
        "lab = open_lab('tiny')"
    )
    is_an_interrupt(kernel.run(cell, interrupt=file))
    assert kernel.below("java") == []
    assert kernel.run("lab = open_lab('tiny'); numbers = lab.data['numbers']").errors == []
    assert works(kernel)
    kernel.end()


def test_the_workers_of_a_parameter_server_do_not_outlive_an_interrupt(
    kernel: Kernel, tmp_path: Path
) -> None:
    file = str(tmp_path / "running")
    kernel.run(
        "from sparklimits.labs.lab4_synchronisation import naive\n"
        "lab4 = OpenLab(find('lab4_synchronisation'))\n"
        "def waits(server, batches):\n"
        f"    Path({file!r}).touch()\n"
        "    for batch in batches:\n"
        "        server.pull()\n"
        "        time.sleep(60)\n"
    )
    ran = kernel.run("lab4.watch(naive.with_server, waits, lab4.data, name='mine')", interrupt=file)
    is_an_interrupt(ran)
    until = time.monotonic() + bound(5)
    while kernel.below("training.rpc") and time.monotonic() < until:
        time.sleep(0.1)
    assert kernel.below("training.rpc") == []
    again = kernel.run(
        "lab4.watch(naive.with_server, naive.worker, lab4.data).counters.other['workers_lost']"
    )
    assert "0" in again.texts
    kernel.run("lab = OpenLab(LAB); numbers = lab.data['numbers']")


def test_what_a_wrong_column_shows_is_short_and_the_rest_is_folded(kernel: Kernel) -> None:
    ran = kernel.run("x = 1\nnumbers.select('nmb').show()")
    assert ran.errors[0].startswith("There is no column `nmb` here. There are `id`")
    assert "line 2: numbers.select('nmb').show())" in ran.errors[0]
    assert len(ran.screen) < 600
    assert any("Project" in one for one in ran.texts if one.startswith("<details>"))
    assert "There is no column" not in kernel.run("%tb").screen
    plain = kernel.run("{}['x']")
    assert "KeyError" in plain.screen
    assert "<details>" not in "".join(plain.texts)


def test_a_java_that_was_killed_is_told_as_that(kernel: Kernel) -> None:
    kernel.run("os.kill(SparkContext._gateway.proc.pid, 9); time.sleep(0.5)")
    for cell in ("numbers.count()", "lab.watch(LAB.naive['odd'], numbers)"):
        (error,) = kernel.run(cell).errors
        assert error.startswith("Spark has ended. Restart the kernel and run the notebook from the top.")
    for shown in ("numbers", "lab"):  # what asks Java when it is shown
        ran = kernel.run(shown)
        assert ran.errors
        assert {error.split(" (")[0] for error in ran.errors} == {
            "Spark has ended. Restart the kernel and run the notebook from the top."
        }
        assert "Py4J" not in ran.screen
    assert kernel.run("lab = open_lab('tiny'); numbers = lab.data['numbers']").errors == []
    assert works(kernel)


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "shut down"])
def test_nothing_outlives_a_kernel(killed: bool, tmp_path: Path) -> None:
    kernel = Kernel(SPARKLIMITS_TMP=str(tmp_path))
    kernel.run(OPEN)
    kernel.run(f"slow(numbers, {str(tmp_path / 'never')!r})")
    below = kernel.below()
    assert any("java" in one.name() for one in below)
    if killed:
        os.kill(kernel.process.pid, signal.SIGKILL)
    kernel.end()
    assert psutil.wait_procs(below, timeout=bound(10))[1] == []
    # What it could not remove goes when the next one starts: after five seconds JupyterLab kills a kernel.
    other = Kernel(SPARKLIMITS_TMP=str(tmp_path))
    other.run("from sparklimits.machine.paths import scratch; scratch()")
    other.end()
    assert list(tmp_path.iterdir()) == []


def hears_interrupts() -> None:
    # A shell without job control starts what runs in its background deaf to them, the tests and their children too.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize("said", ["starting Spark", "trying item_trends"], ids=["start", "measurement"])
def test_ctrl_c_ends_a_command_and_all_that_it_started(tmp_path: Path, said: str) -> None:
    log = tmp_path / "said"
    with log.open("wb") as file:
        command = subprocess.Popen(
            [sys.executable, "-m", "sparklimits", "run", "lab2_skew"],
            stdout=file, stderr=file, start_new_session=True, preexec_fn=hears_interrupts,
            env={**os.environ, "SPARKLIMITS_TMP": str(tmp_path / "own"), "SPARKLIMITS_SCALE": "0.2"},
        )  # fmt: skip
    until = time.monotonic() + 240
    while said not in log.read_text() and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(2)  # well into it
    below = psutil.Process(command.pid).children(recursive=True)
    assert below
    os.killpg(command.pid, signal.SIGINT)  # as a terminal does
    assert command.wait(timeout=bound(20)) == 130
    words = log.read_text()
    assert words.splitlines()[-1] == "sparklimits: stopped"
    assert "Traceback" not in words
    assert psutil.wait_procs(below, timeout=bound(10))[1] == []
    assert list((tmp_path / "own").iterdir()) == []
