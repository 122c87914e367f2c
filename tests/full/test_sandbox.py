"""Attacks from inside a sandbox: each is really tried, in each tier that this machine has, and harms nothing."""

from __future__ import annotations

import hashlib
import http.server
import os
import secrets
import signal
import site
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import nbformat
import psutil
import pyspark
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.utils import determine_grade
from traitlets.config import Config

import sparklimits
from sparklimits.errors import MachineError
from sparklimits.grading import nbgrader_settings, sandboxed
from sparklimits.grading.sandbox import groups, probe, tiers
from sparklimits.grading.sandbox.box import BUBBLEWRAP, LANDLOCK, Limits, Sandbox
from sparklimits.grading.sandboxed import SandboxedExecute
from sparklimits.machine import limits, places
from sparklimits.machine.paths import scratch

LAB = "lab0_measuring"
SECRET = "8710622"
MARK = "left-by-a-sandbox"
#: What other people's code wants to read or change, under a course's folder.
WANTED = (
    "gradebook.db", "submitted/neighbour/lab.ipynb", "solutions/lab.ipynb", "seeds/hidden", ".ipython/startup/x.py",
)  # fmt: skip
#: Each line prints what works: nothing should.
TRY = """\
import os, sys, subprocess, socket, ctypes, json
def attempt(name, trial):
    try:
        print(name, "WORKS", trial())
    except BaseException as error:
        print(name, type(error).__name__)
"""


def controllers() -> set[str]:
    """What a control group can limit on this machine."""
    group = groups.make(10**9, 100, (0,))
    group.end()
    return {*group.folders}


CONTROLLERS = controllers()


@pytest.fixture(scope="module", params=[BUBBLEWRAP, LANDLOCK])
def tier(request: pytest.FixtureRequest) -> str:
    """Each tier that this machine has."""
    findings = probe.tried(request.param)
    if not findings.held >= {"read", "write", "installed"}:
        pytest.skip(f"no {request.param} here: {findings.reason}")
    return str(request.param)


@pytest.fixture
def around(tmp_path: Path) -> Path:
    """A course's folder, which is not shown."""
    for name in WANTED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"secret {SECRET}")
    return tmp_path


@pytest.fixture
def box(tmp_path_factory: pytest.TempPathFactory, tier: str) -> Sandbox:
    return Sandbox(tmp_path_factory.mktemp("box"), limits=Limits(10**9, 200, seconds=60), tier=tier)


def run(box: Sandbox, program: str, **pipes: object) -> str:
    """What a program prints inside; its errors too."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **pipes}
    with box.popen([sys.executable, "-c", TRY + program], text=True, **pipes) as running:
        return str(running.process.communicate()[0])


def state(folder: Path) -> dict[str, str]:
    """All files under a folder, by their contents."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def running(word: str) -> list[psutil.Process]:
    """The processes whose command has this word."""
    return [one for one in psutil.process_iter(["cmdline"]) if word in " ".join(one.info["cmdline"] or ())]


def gone(word: str) -> bool:
    deadline = time.monotonic() + 5
    while (left := running(word)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not left


# Files


def test_nothing_outside_is_read(box: Sandbox, around: Path) -> None:
    names = [str(around / name) for name in WANTED]
    names += [
        "/etc/shadow",
        "/root/.bash_history",
        f"/proc/{os.getpid()}/environ",
        f"/proc/{os.getpid()}/root/etc/shadow",
    ]
    told = run(
        box,
        f"for name in {names}:\n"
        "    attempt(name, lambda: open(name, 'rb').read(100))\n"
        f"attempt('list', lambda: os.listdir({str(around)!r}))\n"
        f"os.symlink({names[0]!r}, 'link')\n"
        "attempt('link', lambda: open('link').read())\n"
        f"attempt('hard link', lambda: os.link({names[0]!r}, 'hard') or open('hard').read())\n",
    )  # fmt: skip
    assert "WORKS" not in told
    assert told.count("Error") == len(names) + 3


def test_nothing_outside_is_written(box: Sandbox, around: Path) -> None:
    package, packages = Path(sparklimits.__file__).parent, Path(site.getsitepackages()[0])
    conf = Path(pyspark.__file__).parent / "conf"
    targets = [
        *(around / name for name in WANTED), around / "new", package / "labs" / MARK, packages / f"{MARK}.pth",
        conf / "spark-defaults.conf", conf.parent / MARK, Path.home() / MARK,
        Path.home() / ".ipython/profile_default/startup" / f"{MARK}.py", Path("/etc", MARK), Path("/usr", MARK),
        package / "__init__.py",
    ]  # fmt: skip
    before, ours = state(around), state(package)
    told = run(
        box,
        f"for name in {[str(one) for one in targets]}:\n"
        "    attempt(name, lambda: (os.makedirs(os.path.dirname(name), exist_ok=True), open(name, 'a').write('x')))\n"
        "    attempt(name, lambda: os.remove(name))\n"
        "    attempt(name, lambda: os.chmod(os.path.dirname(name), 0o777))\n",
    )
    assert state(around) == before
    assert state(package) == ours
    assert not [one for one in targets if MARK in one.name and one.exists()]
    assert told.count("\n") == 3 * len(targets)


def test_nothing_is_installed(box: Sandbox) -> None:
    told = run(
        box,
        "import zipfile\n"
        f"name, info = {MARK.replace('-', '_')!r}, {MARK.replace('-', '_') + '-1.0.dist-info'!r}\n"
        "with zipfile.ZipFile(f'{name}-1.0-py3-none-any.whl', 'w') as wheel:\n"
        "    wheel.writestr(f'{name}.py', '')\n"
        "    wheel.writestr(f'{info}/METADATA', f'Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n')\n"
        "    wheel.writestr(f'{info}/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
        "    wheel.writestr(f'{info}/RECORD', '')\n"
        "done = subprocess.run([sys.executable, '-I', '-m', 'pip', 'install', '--no-index', wheel.filename])\n"
        "print('status', done.returncode)\n",
    )
    assert "status" in told
    assert "status 0" not in told
    assert not list(Path(site.getsitepackages()[0]).glob(f"{MARK.replace('-', '_')}*"))


# The network, other processes, descriptors


def test_no_address_and_no_socket_is_reached(box: Sandbox, tier: str) -> None:
    name = f"sparklimits-test-{secrets.token_hex(8)}"
    with (
        http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        abstract.bind(f"\0{name}")
        abstract.listen()
        told = run(
            box,
            f"attempt('abstract', lambda: socket.socket(socket.AF_UNIX).connect('\\0{name}'))\n"
            f"attempt('here', lambda: socket.create_connection(('127.0.0.1', {server.server_port}), 3))\n"
            "attempt('there', lambda: socket.create_connection(('192.0.2.1', 80), 3))\n"
            "one = socket.create_server(('127.0.0.1', 0))\n"
            "attempt('own', lambda: socket.create_connection(one.getsockname(), 3))\n",
        )
        server.shutdown()
    assert "abstract WORKS" not in told
    assert "own WORKS" in told, "Spark needs a loopback"
    if tier == BUBBLEWRAP:  # Landlock says that it lacks this
        assert "here WORKS" not in told
        assert "there OSError" in told, "no route, at once"


def test_other_processes_are_out_of_reach(box: Sandbox, tier: str) -> None:
    with subprocess.Popen(["sleep", "300"], env={"PASSWORD": SECRET}) as victim:
        try:
            told = run(
                box,
                f"pid = {victim.pid}\n"
                f"attempt('signal', lambda: os.kill(pid, {int(signal.SIGKILL)}))\n"
                "attempt('environment', lambda: open(f'/proc/{pid}/environ').read())\n"
                "attempt('memory', lambda: open(f'/proc/{pid}/mem', 'rb'))\n"
                "attempt('files', lambda: os.listdir(f'/proc/{pid}/root'))\n"
                "attempt('ptrace', lambda: 1 / (ctypes.CDLL(None).ptrace(16, pid, 0, 0) + 1))\n",
            )
            if tier == BUBBLEWRAP:
                # Everything that it can see, which with Landlock would be the whole machine.
                run(box, f"attempt('all', lambda: os.kill(-1, {int(signal.SIGKILL)}))")
            assert victim.poll() is None
        finally:
            victim.kill()
    assert SECRET not in told
    assert "WORKS" not in told


def test_descriptors_are_not_inherited(box: Sandbox, around: Path) -> None:
    with (around / "gradebook.db").open("rb") as gradebook:
        os.set_inheritable(gradebook.fileno(), True)
        told = run(box, "for number in range(3, 200):\n    attempt(number, lambda: os.read(number, 100))\n")
    assert SECRET not in told
    assert "WORKS" not in told


# What goes on and on


@pytest.mark.parametrize("grouped", [True, False], ids=["in a group", "without groups"])
def test_nothing_outlives_the_sandbox(box: Sandbox, grouped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not grouped:
        monkeypatch.setattr(groups, "make", lambda *_: groups.Group({}))
    word = f"{MARK}-{secrets.token_hex(8)}"
    loop = f"import time, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300); {word!r}"
    ways = (
        f"subprocess.Popen([sys.executable, '-c', {loop!r}])",
        f"subprocess.Popen([sys.executable, '-c', {loop!r}], start_new_session=True)",
        f"subprocess.Popen(['nohup', sys.executable, '-c', {loop!r}], stdout=subprocess.DEVNULL)",
        f"os.fork() or (os.setsid(), os.fork() or os.execv(sys.executable, ['python', '-c', {loop!r}]), os._exit(0))",
    )
    program = "\n".join([*ways, "import time; time.sleep(1)"])
    with box.popen([sys.executable, "-c", TRY + program]) as one:
        deadline = time.monotonic() + 20
        while len(running(word)) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(running(word)) >= 4
        one.process.wait(20)  # it ends by itself, and what it left goes on until the body does
    assert gone(word)
    # And when the body ends first.
    with box.popen([sys.executable, "-c", f"{TRY}{program}; time.sleep(300)"]):
        time.sleep(1.5)
    assert gone(word)


@pytest.mark.parametrize("held", [False, True], ids=["it runs", "it is held still"])
def test_a_sandbox_ends_with_the_process_that_started_it(box: Sandbox, held: bool) -> None:
    word = f"{MARK}-{secrets.token_hex(8)}"
    program = (
        "from pathlib import Path\nimport sys, time\nfrom sparklimits.grading.sandbox.box import Sandbox\n"
        f"with Sandbox(Path({str(box.folder)!r}), tier={box.tier!r}).popen(\n"
        f"    [sys.executable, '-c', 'import time; open(\"up\", \"w\"); time.sleep(300)  # {word}']) as running:\n"
        f"    while not Path({str(box.folder / 'up')!r}).exists():\n        time.sleep(0.01)\n"
        f"    if {held}:\n        running.freeze()\n"
        "    print('runs', flush=True)\n    time.sleep(300)\n"
    )
    # On standard input: in the starter's own command the word would be found too.
    with subprocess.Popen(
        [sys.executable, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdin is not None
        assert starter.stdout is not None
        starter.stdin.write(program)
        starter.stdin.close()
        assert starter.stdout.readline() == "runs\n"
        assert running(word)
        starter.kill()
    assert gone(word)


@pytest.mark.skipif("pids" not in CONTROLLERS, reason="needs a control group of processes")
def test_a_fork_bomb_is_limited_and_ends(box: Sandbox) -> None:
    word = f"{MARK}-{secrets.token_hex(8)}"
    bomb = f"import os; {word!r}\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"
    small = Sandbox(box.folder, limits=Limits(10**9, 40, seconds=20), tier=box.tier)
    with small.popen([sys.executable, "-c", bomb]):
        deadline = time.monotonic() + 20
        while len(running(word)) < 10 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert 10 <= len(running(word)) <= 40
        assert subprocess.run(["true"]).returncode == 0, "the machine goes on"
    assert gone(word)


@pytest.mark.skipif("memory" not in CONTROLLERS, reason="needs a control group of memory")
def test_a_memory_hog_ends_and_takes_nothing_with_it(box: Sandbox) -> None:
    small = Sandbox(box.folder, limits=Limits(memory=150_000_000, seconds=60), tier=box.tier)
    hog = "taken = []\nwhile True:\n    taken.append(bytearray(10**7))\n    print(len(taken), flush=True)"
    told = run(small, hog)
    assert 3 < int(told.split()[-1]) <= 15


def test_without_a_group_each_process_is_limited(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "make", lambda *_: groups.Group({}))
    small = Sandbox(box.folder, limits=Limits(memory=300_000_000, processes=70, seconds=60), tier=box.tier)
    told = run(small, "attempt('memory', lambda: bytearray(10**9))\nimport resource\n"
                      "print(resource.getrlimit(resource.RLIMIT_NPROC)[1])\n")  # fmt: skip
    assert told.split("\n")[:2] == ["memory MemoryError", "70"]


WRITES = {
    "small files": """
for number in range(10**6):
    with open(f"file{number}", "wb") as file:
        file.write(b"x" * 10**6)
    print(number, flush=True)
""",
    "empty files, deep down": """
for number in range(10**6):
    open(f"file{number}", "w").close()
    if number % 10 == 0 and number < 20_000:
        os.mkdir("d"); os.chdir("d")
    print(number, flush=True)
""",
}


@pytest.mark.parametrize("program", WRITES.values(), ids=WRITES)
def test_a_disk_is_not_filled_up(box: Sandbox, program: str) -> None:
    """The last number was printed when the sandbox was ended."""
    if not os.statvfs(box.folder).f_files and program == WRITES["empty files, deep down"]:
        pytest.skip("this disk does not limit the number of files")
    small = replace(box, limits=replace(box.limits, disk=5 * 10**7, files=2_000))
    last = run(small, program).splitlines()[-1]
    assert 49 <= int(last) < 10**6 - 1
    assert gone("file{number}")
    places.remove(box.folder)


def test_who_else_fills_the_disk_ends_no_sandbox(box: Sandbox, tmp_path: Path) -> None:
    small = replace(box, limits=replace(box.limits, disk=5 * 10**7))
    with small.popen([sys.executable, "-c", "import time; time.sleep(60)"]) as running:
        (tmp_path / "neighbour").write_bytes(b"x" * 10**8)
        time.sleep(1.5)  # three looks at the disk
        assert running.process.poll() is None


def test_endless_loops_and_endless_output_end(box: Sandbox) -> None:
    short = Sandbox(box.folder, limits=Limits(seconds=2, file_size=10_000_000), tier=box.tier)
    for program in ("while True: pass", "while True: print('x' * 9999)"):
        with short.popen([sys.executable, "-c", program]) as one:
            assert one.process.wait(30)
    with (short.folder / "out").open("wb") as out, short.popen(["/bin/sh", "-c", "yes"], stdout=out) as one:
        assert one.process.wait(30)
    assert (short.folder / "out").stat().st_size <= 10_000_000


# A stop


def every_freezer() -> list[Path]:
    """The places for a group that can be stopped, of both kinds."""
    return list(dict.fromkeys(limits.groups("freezer")))


@pytest.mark.parametrize("parent", every_freezer(), ids=str)
def test_a_group_of_either_kind_is_stopped_goes_on_and_ends(parent: Path, tmp_path: Path) -> None:
    folder = parent / f"sparklimits-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no group can be made: {error}")
    group, ticks = groups.Group({"freezer": folder}), tmp_path / "ticks"
    command = group.entering(["/bin/sh", "-c", f"while :; do echo >> {ticks}; sleep 0.01; done"])
    with subprocess.Popen(command) as process:
        check_stop(ticks, lambda: group.freeze(True), lambda: group.freeze(False))
        group.freeze(True)  # it can be ended while it is stopped
        group.end()
        assert process.wait(10) == -signal.SIGKILL
    assert not folder.exists()


@pytest.mark.parametrize("grouped", [True, False], ids=["in a group", "without groups"])
def test_everything_inside_is_stopped_and_goes_on(
    box: Sandbox, grouped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not grouped:
        monkeypatch.setattr(groups, "make", lambda *_: groups.Group({}))
    ticks = box.folder / "ticks"
    inner = "(while :; do echo >> ticks; sleep 0.01; done) & wait"
    with box.popen(["/bin/sh", "-c", inner]) as one:
        check_stop(ticks, one.freeze, one.thaw)


def check_stop(ticks: Path, freeze: object, thaw: object) -> None:
    def grows() -> bool:
        before = ticks.stat().st_size if ticks.exists() else 0
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if ticks.exists() and ticks.stat().st_size > before:
                return True
            time.sleep(0.02)
        return False

    assert grows()
    freeze()  # type: ignore[operator]
    size = ticks.stat().st_size
    time.sleep(0.5)
    assert ticks.stat().st_size == size
    thaw()  # type: ignore[operator]
    assert grows()


@pytest.mark.skipif("cpuset" not in CONTROLLERS, reason="needs a control group of processors")
def test_processors_cannot_be_taken_back(box: Sandbox) -> None:
    one = Sandbox(box.folder, limits=Limits(seconds=30, processors=(0,)), tier=box.tier)
    told = run(
        one, "attempt('all', lambda: os.sched_setaffinity(0, range(64)))\nprint(os.sched_getaffinity(0))"
    )
    assert told.split("\n")[-2] == "{0}"


# Notebooks


def graded(*sources: str, **options: object) -> tuple[list[float | None], nbformat.NotebookNode]:
    """The marks of cells that are worth four points each, and the notebook after it ran."""
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for number, cell in enumerate(notebook.cells):
        cell.metadata.nbgrader = {
            "schema_version": 3, "grade_id": f"c{number}", "grade": True, "locked": True, "solution": False,
            "task": False, "points": 4.0,
        }  # fmt: skip
    config = Config()
    nbgrader_settings.apply(config)
    step = SandboxedExecute(config=config, **options)
    step.timeout_func = lambda cell: 3 if "while True" in cell.source else 60
    found, _ = step.preprocess(notebook, {"metadata": {}})
    return [determine_grade(cell)[0] for cell in found.cells], found


def text_of(cell: nbformat.NotebookNode) -> str:
    return "".join(str(one.get("text") or one.get("evalue") or one.get("data")) for one in cell.outputs)


@pytest.mark.usefixtures("sandbox_here")
def test_a_notebook_runs_inside_and_leaves_nothing(around: Path) -> None:
    word = f"{MARK}-{secrets.token_hex(8)}"
    before = state(around)
    marks, notebook = graded(
        f"import os, subprocess\nos.symlink({str(around / 'gradebook.db')!r}, 'lab.ipynb')\nos.mkfifo('pipe')\n3.0",
        "try:\n    open('lab.ipynb', 'w').write('x')\nexcept OSError:\n    points = 2.0\npoints",
        f"subprocess.Popen(['sh', '-c', 'sleep 300; {word}'], start_new_session=True)\n1.0",
        f"import os\n[name for name in os.environ if 'PYTEST' in name] or float(not os.path.exists({str(around)!r}))",
        "import torch\nfloat((torch.ones(8, 8) @ torch.ones(8, 1)).sum() / 32)",
        "os._exit(0)",
        "4.0",
    )
    assert marks[:3] == [3.0, 2.0, 1.0]
    assert marks[4:] == [2.0, 0.0, 4.0]
    assert marks[3] == 1.0 or os.path.exists(str(around))  # Landlock hides contents, not names
    assert "ended the kernel" in text_of(notebook.cells[5])
    assert state(around) == before
    assert gone(word)
    assert not list(scratch().glob("run-*"))


def test_without_a_sandbox_only_when_it_is_said(caplog: pytest.LogCaptureFixture) -> None:
    marks, notebook = graded("import os\nprint(os.environ['HOME'])\n4.0", no_sandbox=True)
    assert marks == [4.0]
    assert os.environ["HOME"] in text_of(notebook.cells[0])


@pytest.mark.parametrize("alone", [False, True], ids=["the best tier", "Landlock, no group"])
@pytest.mark.usefixtures("sandbox_here")
def test_a_cell_without_end_is_interrupted_and_one_that_will_not_is_ended(
    alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if alone:
        if not probe.tried(LANDLOCK).held >= {"read", "write", "installed"}:
            pytest.skip("no Landlock here")
        tier = tiers.Tier(LANDLOCK, "alone", (), ())
        monkeypatch.setattr(tiers, "require", lambda: tier)
        monkeypatch.setattr(groups, "make", lambda *_: groups.Group({}))
    word = f"{MARK}-{secrets.token_hex(8)}"
    marks, notebook = graded(
        "kept = 2.0",
        "while True:\n    pass",
        "kept",
        "import subprocess, time\n"
        f"subprocess.Popen(['sh', '-c', 'trap : TERM; sleep 300; {word}'], start_new_session=True)\n"
        "while True:\n    try:\n        time.sleep(9)\n    except KeyboardInterrupt:\n        pass",
        "3.0",
        grace=3,
    )
    assert marks == [0.0, 0.0, 2.0, 0.0, 3.0]
    assert "took longer than 3 s and was interrupted" in text_of(notebook.cells[1])
    assert "did not end when it was interrupted" in text_of(notebook.cells[3])
    assert gone(word)


@pytest.mark.usefixtures("sandbox_here")
def test_a_cell_that_fills_the_disk_costs_its_own_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandboxed, "Limits", lambda memory, **_: Limits(memory, disk=5 * 10**7))
    fills = "for number in range(10**5):\n    open(f'file{number}', 'wb').write(b'x' * 10**6)\n4.0"
    marks, notebook = graded("2.0", fills, "3.0")
    assert marks == [2.0, 0.0, 3.0]
    assert "ended the kernel" in text_of(notebook.cells[1])


@pytest.mark.usefixtures("sandbox_here")
def test_a_long_path_behind_a_link_is_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path of a socket has about a hundred characters."""
    folder = tmp_path / "Jürgens Kurs" / ("long" * 20)
    folder.mkdir(parents=True)
    link = scratch() / f"link-{secrets.token_hex(4)}"
    link.symlink_to(folder)
    monkeypatch.setattr(sandboxed, "scratch", lambda: link)
    marks, _ = graded("open('new', 'w').write('1')\n4.0")
    assert marks == [4.0]
    assert not [*folder.iterdir()]
    link.unlink()


@pytest.mark.usefixtures("sandbox_here")
@pytest.mark.shows("kernel_not_started")
def test_a_kernel_that_cannot_start_tells_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Sandbox, "command", lambda self, argv: ["/bin/sh", "-c", "echo no room here >&2; exit 1"]
    )
    with pytest.raises(MachineError, match="It said: no room here"):
        graded("1.0")
