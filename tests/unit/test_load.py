"""Other programs that work during a measurement are named, this one's own are not."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from sparklimits.machine import load
from sparklimits.machine.load import Others


def test_what_this_process_has_started_is_none_of_the_others() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        seen = {process for process, _ in load._seconds()}
        assert os.getppid() in seen
        assert not {os.getpid(), child.pid} & seen


@pytest.mark.parametrize(
    ("later", "told"),
    [
        ({(1, 0.0): ("java", 5.001), (2, 9.0): ("backup", 0.001)}, ""),
        ({(1, 0.0): ("java", 5.1), (2, 9.0): ("backup", 7.0)}, "most of it backup"),
        ({(1, 8.0): ("java", 4.0)}, "most of it java"),  # another process of the same number
        ({}, ""),
    ],
)
def test_others_are_named_when_they_used_enough(
    later: dict[tuple[int, float], tuple[str, float]], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = iter([{(1, 0.0): ("java", 5.0)}, later])
    monkeypatch.setattr(load, "_seconds", lambda: next(found))
    others = Others()
    time.sleep(0.1)
    said = others.told()
    assert said.endswith(told)
    assert bool(said) == bool(told)
