"""Where the words of a command go: closed, full, gone, narrow, or a terminal that cannot write over a line."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

#: A command that prints so much and then fails, or not.
PROGRAM = (
    "import sys; from sparklimits import cli; from sparklimits.student import doctor\n"
    "from sparklimits.display.progress import Progress\n"
    "def stand_in(*_):\n"
    "    with Progress('measuring') as progress:\n"
    "        progress('a pair of ' + 'runs ' * 40)\n"
    "        progress('more')\n"
    "    {body}\n"
    "    return 0\n"
    "doctor.doctor = stand_in\n"
    "sys.exit(cli.main(['doctor']))\n"
)


def started(body: str, redirections: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """The command as a shell starts it with these redirections."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(body=body))
    line = f"exec {sys.executable} {program} {redirections}"
    return subprocess.run(["sh", "-c", line], capture_output=True, text=True, cwd=tmp_path, check=False)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_leads_nowhere(closed: str, tmp_path: Path) -> None:
    body = "print('x'); open('its.txt', 'w').write('ours')"
    done = started(
        f"{body}; __import__('subprocess').run(['sh', '-c', 'echo a; echo b >&2; cat'])", closed, tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "its.txt").read_text() == "ours", "what a program below prints went into our file"
    assert "Traceback" not in done.stderr


@pytest.mark.shows("output_refused")
@pytest.mark.parametrize("size", [1, 100_000])
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this machine")
def test_an_output_that_cannot_be_written_is_told_as_that(size: int, tmp_path: Path) -> None:
    done = started(f"print('x' * {size})", ">/dev/full", tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "sparklimits: What the command prints cannot be written (No space left on device). "
        "Send its output to another place, and run it again."
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this machine")
def test_a_full_disk_of_its_own_is_still_told_as_that(tmp_path: Path) -> None:
    done = started("print('x', file=open('/dev/full', 'w', buffering=1))", "", tmp_path)
    assert (done.returncode, "The disk is full." in done.stderr) == (1, True)


@pytest.mark.parametrize("where", ["/dev/full", "gone"])
def test_progress_that_nobody_can_read_stops_nothing(where: str, tmp_path: Path) -> None:
    if where == "gone":
        reader, writer = os.pipe()
        os.close(reader)
    else:
        writer = os.open(where, os.O_WRONLY)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(body="print('the result')"))
    done = subprocess.run(
        [sys.executable, program], stdout=subprocess.PIPE, stderr=writer, text=True, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stdout) == (0, "the result\n")


@pytest.mark.parametrize(
    ("term", "columns", "lines"),
    [
        ("xterm", 40, ["\r\x1b[K" + ("measuring · a pair of " + "runs " * 40)[:39], "\r\x1b[Kmeasuring · more · 0:00"]),
        ("xterm", 0, ["\r\x1b[K" + ("measuring · a pair of " + "runs " * 40)[:80], "\r\x1b[Kmeasuring · more · 0:00"]),
        ("dumb", 40, ["measuring · a pair of " + "runs " * 40, "measuring · more · 0:00"]),
        ("", 40, ["measuring · a pair of " + "runs " * 40, "measuring · more · 0:00"]),
    ],
)  # fmt: skip
def test_a_line_is_written_over_where_the_terminal_can(
    term: str, columns: int, lines: list[str], tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(body="pass"))
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, "TERM": term, "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, program], stdout=subprocess.DEVNULL, stderr=follower, env=environment, check=False
    )
    os.close(follower)
    said = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # all was read, and nobody writes any more
            break
        said += part
    os.close(leader)
    assert done.returncode == 0
    text = said.decode().replace("\r\n", "\n")
    for line in lines:
        assert line.strip(" ") in text
    if term != "xterm":
        assert "\x1b" not in text
    elif columns:
        shown = [line for line in text.replace("\r\x1b[K", "\n").splitlines() if line]
        assert max(map(len, shown)) < columns
