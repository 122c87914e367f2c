"""Room for a cluster: what cannot fit is refused in a sentence, what may be too much is said."""

from __future__ import annotations

import pytest

from sparklimits.errors import MachineError
from sparklimits.machine.limits import Memory
from sparklimits.spark import room
from sparklimits.spark.constraints import Constraints


@pytest.fixture(autouse=True)
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.limits, "memory", lambda: Memory(16 * 10**9, 12 * 10**9))
    monkeypatch.setattr(room.limits, "processes", lambda: None)
    monkeypatch.setattr(room.limits, "address_space", lambda: None)
    monkeypatch.setattr(room.paths, "others", lambda: 0)


def refused() -> str:
    with pytest.raises(MachineError) as error:
        room.require(Constraints())
    return str(error.value)


def test_where_there_is_room_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    room.require(Constraints())
    assert capsys.readouterr().out == ""


@pytest.mark.shows("memory_too_small")
def test_memory_that_cannot_hold_the_heaps_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.limits, "memory", lambda: Memory(2 * 10**9, 10**9, "the control group /job_7"))
    said = refused()
    assert "needs at least 3.6 GB of memory, and the control group /job_7 grants 2.0 GB" in said


@pytest.mark.shows("memory_short")
def test_memory_that_others_use_is_told_before_anything_is_killed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(room.limits, "memory", lambda: Memory(6 * 10**9, 3 * 10**9))
    room.require(Constraints())
    assert "Only 3.0 GB of memory are free, and the lab uses up to 4.6 GB" in capsys.readouterr().out


@pytest.mark.shows("memory_short_other_lab")
def test_another_lab_that_is_open_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(room.limits, "memory", lambda: Memory(6 * 10**9, 3 * 10**9))
    monkeypatch.setattr(room.paths, "others", lambda: 1)
    room.require(Constraints())
    assert capsys.readouterr().out.startswith("Another lab is open. Only 3.0 GB")


@pytest.mark.shows("processes_too_few")
def test_too_few_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.limits, "processes", lambda: 40)
    assert "only 40 more processes" in refused()


@pytest.mark.shows("addresses_too_few")
def test_a_limit_of_addresses_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.limits, "address_space", lambda: 4 * 10**9)
    assert "only 4.0 GB of addresses" in refused()
