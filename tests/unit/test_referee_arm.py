"""The referee believes nothing that an arm says: not its clock, not its counters, not whose fault it was."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sparklimits.errors import CandidateError, MachineError
from sparklimits.grading.referee import tables
from sparklimits.grading.referee.arm import Arm
from sparklimits.grading.referee.outside import Outside
from sparklimits.grading.referee.referee import Referee
from sparklimits.grading.referee.usage import Usage
from sparklimits.measurement.lab import Bar, Facts
from sparklimits.spark.counters import CLUSTER, DRIVER
from tests.referee import COUNTED, TASK, Launcher, Script, but, honest, saying
from tests.tiny_lab import LAB

CELLS = {"even": "def even(numbers): ...", "odd": "def odd(numbers): ..."}
EVEN = LAB.exercises[0]
RIGHT = tables.packed(pd.DataFrame({"count": [500]}))


def arm(*scripts: Script, code: int | None = None) -> Arm:
    found = Arm(LAB, Launcher(*scripts, code=code), CELLS)
    found.begin()
    return found


def run(script: Script, code: int | None = None) -> Any:
    """What the referee has of one run of ``even`` in an arm that answers like this."""
    one = arm(but(run=script), code=code)
    one.load(1000, "x", "even")
    return one.run(EVEN)


def test_the_clock_is_the_referees_and_stops_with_the_last_byte() -> None:
    def slow(order: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
        time.sleep(0.3)
        yield {"result": "even", "notes": {}, "seconds": 0.001}, RIGHT
        time.sleep(0.5)  # its counters are read when the clock has stopped
        yield COUNTED, b""

    assert 0.3 <= run(slow).seconds < 0.7


def test_no_process_tells_its_own_processor_seconds() -> None:
    told = {"counters": {**COUNTED["counters"], "other": {DRIVER: 0.0, CLUSTER: 9.0, "server_bytes": 7}}}

    def says(order: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
        yield {"result": "even", "notes": {}}, RIGHT
        yield told, b""

    assert run(says).counters.other == {"server_bytes": 7.0}


@pytest.mark.parametrize(
    "counters",
    [
        None,
        [],
        {"jobs": -1, "forgotten": 0, "other": {}, "tasks": []},
        {"jobs": float("nan"), "forgotten": 0, "other": {}, "tasks": []},
        {"jobs": 1, "forgotten": 0, "other": {}, "tasks": [{"stage": 1}]},
        {"jobs": 1, "forgotten": 0, "other": {}, "tasks": [{**TASK, "read_records": "9"}]},
        {"jobs": 1, "forgotten": 0, "other": {"server_bytes": True}, "tasks": []},
        {"jobs": 1, "forgotten": 0, "other": {}, "tasks": [{**TASK, "executor": "x" * 100}]},
        # Numbers that are none any more when they are added up, or written as such.
        {"jobs": 10**400, "forgotten": 0, "other": {}, "tasks": []},
        {"jobs": 1, "forgotten": 0, "other": {"server_bytes": 1e300}, "tasks": []},
        {"jobs": 1, "forgotten": 0, "other": {}, "tasks": [{**TASK, "seconds": 1.7e308}] * 2},
    ],
)
def test_counters_that_cannot_be_are_refused(counters: object) -> None:
    with pytest.raises(
        CandidateError, match="even: The referee cannot read what came back: counters that are none"
    ):
        run(saying({"result": "even", "notes": {}}, {"counters": counters}, content=RIGHT))


def test_the_number_of_slots_is_not_the_arms_to_say() -> None:
    told = {"counters": {**COUNTED["counters"], "slots": 1}}
    assert (
        run(saying({"result": "even", "notes": {}}, told, content=RIGHT)).counters.slots
        == LAB.constraints.slots
    )


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (saying({"result": "odd", "notes": {}}, content=RIGHT), "something else than a result"),
        (saying({"started": True}), "something else than a result"),
        (saying({"result": "even", "notes": {}}, content=b"pickled"), "a table that cannot be read"),
        (saying({"raw": True}, content=b"\xff\xff\xff\xff"), "came back: a message of"),
        (saying({"error": "something"}), "an error that is none"),
    ],
)  # fmt: skip
@pytest.mark.shows("not_readable")
def test_what_is_no_answer_is_laid_to_the_function(script: Script, why: str) -> None:
    with pytest.raises(CandidateError, match=f"even: .*{why}"):
        run(script)


def test_an_arm_that_blames_the_machine_is_heard_and_its_function_named() -> None:
    with pytest.raises(MachineError, match="a full disk") as caught:
        run(saying({"error": {"kind": "machine", "message": "a full disk"}}))
    assert caught.value.during == "even"


@pytest.mark.parametrize(("code", "kind"), [(0, CandidateError), (3, CandidateError), (-9, MachineError)])
def test_a_process_that_ends_is_the_functions_doing_unless_a_signal_ended_it(code: int, kind: type) -> None:
    with pytest.raises(kind) as caught:
        run(saying({"end": True}), code=code)
    assert "even" in str(caught.value)


@pytest.mark.shows("too_long")
def test_a_function_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def waits(order: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
        time.sleep(0.5)
        yield from honest(order)

    one = arm(but(run=waits))
    one.load(1000, "x", "even")
    monkeypatch.setattr("sparklimits.grading.referee.arm.LONGEST", 0.1)
    with pytest.raises(CandidateError, match="even: It took longer than 0 s, and was ended"):
        one.run(EVEN)
    assert not one.runs


def test_data_come_in_as_a_whole_and_no_link_leads_their_writer_away() -> None:
    """A process that waits for a folder of data, to put a link into it, finds everything there already."""
    one = arm(honest)
    seen: list[bool] = []

    def watched(numbers: int, folder: Path) -> Path:
        made = LAB.write_data(numbers, folder)
        seen.append(bool(list(one.folder.glob("data-*"))))
        return made

    one.lab = replace(LAB, write_data=watched)
    one.load(1000, "x", "even")
    assert seen == [False]
    assert (one.folder / "data-x" / "numbers").read_text() == "1000"


@pytest.mark.shows("folder_spoiled")
def test_a_function_that_takes_its_folder_away_has_failed() -> None:
    one = arm(honest)
    one.load(1000, "x", "even")
    one.run(EVEN)
    shutil.rmtree(one.folder)
    with pytest.raises(CandidateError, match="even: The folder of its process cannot be used any more"):
        one.load(1000, "y", "even")
    assert not one.runs


def test_what_a_process_left_in_its_folder_does_not_meet_the_next_one() -> None:
    one = arm(but(run=saying({"end": True})), honest, code=-9)
    one.load(1000, "x", "even")
    first = one.folder
    (first / ".tmp").write_text("no folder")
    with pytest.raises(MachineError):
        one.run(EVEN)
    one.begin()
    assert one.folder != first
    assert not first.exists()
    assert list(one.folder.iterdir()) == []


def test_folders_within_folders_without_end_are_removed() -> None:
    one = arm(honest)
    one.load(1000, "x", "even")
    here = os.getcwd()
    try:
        os.chdir(one.folder / "data-x")
        for _ in range(1_500):  # deeper than Python calls itself, and longer than any path
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(here)
    one.clear()
    assert list(one.folder.iterdir()) == []
    one.end()
    assert not one.folder.exists()


@pytest.mark.shows("ended_its_process")
def test_a_cell_that_ends_the_process_is_left_out_and_the_other_one_stays() -> None:
    def ends(order: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
        yield {"cell": "even"}, b""
        yield {"end": True}, b""

    one = arm(but(cells=ends), honest, code=7)
    assert one.absent["even"].startswith(
        "even: It ended its own process (exit code 7). Take what ends it out"
    )
    assert one.runs


def test_an_arm_sees_neither_our_variables_nor_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKLIMITS_HOME", "/somewhere")
    monkeypatch.setenv("A_TOKEN", "secret")
    orders: list[dict[str, Any]] = []

    def kept(order: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
        orders.append(order)
        yield from honest(order)

    launcher = Launcher(kept)
    with Referee(LAB, CELLS, scale=0.5, launch=launcher) as referee:
        result = referee.also_on(referee.measure(), "main", 987_654_321)
    assert result.shares["even"] == 1.0
    assert all({"SPARKLIMITS_HOME", "A_TOKEN"}.isdisjoint(seen) for seen in launcher.variables)
    assert "987654321" not in str(orders)


def test_both_processes_start_at_the_same_time() -> None:
    met = threading.Barrier(2)

    def start(order: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
        met.wait(10)  # for the other one
        yield {"started": True}, b""

    launcher = Launcher(but(start=start))
    assert Outside(LAB, CELLS, launcher).absent() == {}
    assert len(launcher.started) == 2


def test_what_a_question_is_about_comes_from_the_last_pair_where_it_ran_there() -> None:
    ran: list[str] = []

    def counted(order: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
        ran.append(str(order.get("function")))
        yield from honest(order)

    lab = replace(
        LAB, facts=Facts((EVEN,), lambda counters, data: {"jobs": counters["even"].jobs, "of": data})
    )
    with Referee(lab, CELLS, scale=0.1, launch=Launcher(counted)) as referee:
        referee.measure()
        before = ran.count("even")
        facts = referee.facts()
        assert ran.count("even") == before
    assert facts["jobs"] == 1
    assert 1_000 <= facts["of"] < 1_200
    with Referee(lab, CELLS, scale=0.1, launch=Launcher(counted)) as referee:
        assert referee.facts()["jobs"] == 1  # nothing was measured: it runs now


def test_while_one_arm_runs_the_other_is_held_still() -> None:
    launcher = Launcher(honest)
    bench = Outside(LAB, CELLS, launcher)
    bench.run(LAB.exercises, LAB.naive, 1000, "a")
    bench.run(LAB.exercises, bench.functions, 1000, "b")
    bench.run(LAB.exercises, LAB.naive, 1000, "c")
    partner, candidate = launcher.started
    assert partner.calls == ["freeze", "thaw"]
    assert candidate.calls == ["freeze"]


def test_what_is_done_while_the_data_are_loaded_is_on_the_clock() -> None:
    def busy(order: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
        time.sleep(1.0)
        yield from honest(order)

    bench = Outside(LAB, CELLS, Launcher(honest, but(load=busy)))
    bench.run(LAB.exercises, LAB.naive, 1000, "a")
    found = bench.run(LAB.exercises, bench.functions, 1000, "b")
    assert found["even"].seconds > 0.9
    assert found["odd"].seconds < 0.5


def test_what_is_done_between_a_result_and_its_counters_is_on_the_clock() -> None:
    def busy(order: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
        result, *rest = honest(order)
        yield result
        if order["function"] == "even":
            time.sleep(1.0)
        yield from rest

    bench = Outside(LAB, CELLS, Launcher(honest, but(run=busy)))
    bench.run(LAB.exercises, LAB.naive, 1000, "a")
    found = bench.run(LAB.exercises, bench.functions, 1000, "b")
    assert found["even"].seconds > 0.9
    assert found["odd"].seconds < 0.5


def test_the_naive_way_of_a_broken_function_runs_where_nothing_of_the_student_is() -> None:
    orders: list[str] = []

    def partner(order: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
        orders.append(str(order.get("function")))
        yield from honest(order)

    bench = Outside(LAB, CELLS, Launcher(partner, honest))
    bench.run(LAB.exercises, {"even": bench.functions["even"], "odd": LAB.naive["odd"]}, 1000, "a")
    assert orders.count("odd") == 1
    assert "even" not in orders


def test_after_a_fault_of_the_machine_the_arm_has_a_new_process() -> None:
    launcher = Launcher(
        but(run=saying({"error": {"kind": "machine", "message": "Spark has ended."}})), honest
    )
    bench = Outside(LAB, CELLS, launcher)
    with pytest.raises(MachineError):
        bench.run(LAB.exercises, bench.functions, 1000, "a")
    assert bench.run(LAB.exercises, bench.functions, 1000, "b").keys() == {"even", "odd"}
    assert len(launcher.started) == 2


def test_counters_without_the_one_that_is_graded_are_refused() -> None:
    waits = replace(EVEN, bar=Bar("server_waits", good=1, bad=9))
    one = arm(but(run=saying({"result": "even", "notes": {}}, COUNTED, content=RIGHT)))
    one.load(1000, "x", "even")
    with pytest.raises(CandidateError, match="counters without the one that is graded"):
        one.run(waits)


def test_an_executor_that_is_gone_takes_the_run_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Blind:  # what the kernel counted was read before, and cannot be read after
        sees = True

        def __init__(self, top: int) -> None:
            self.left = [Usage(0.0, (0.0, 0.0))]

        def read(self) -> Usage | None:
            return self.left.pop() if self.left else None

    monkeypatch.setattr("sparklimits.grading.referee.arm.Watch", Blind)
    with pytest.raises(MachineError, match="An executor of Spark ended while even ran") as raised:
        run(saying({"result": "even", "notes": {}}, COUNTED, content=RIGHT))
    assert raised.value.during == "even"


def test_a_forged_machine_earns_nothing() -> None:
    """Whatever it claims, an arm that fails where the naive way runs is the function's."""
    lies = saying({"error": {"kind": "machine", "message": "the disk is full"}})
    with Referee(LAB, CELLS, scale=0.5, launch=Launcher(honest)) as referee:
        referee._bench.candidate._launch = Launcher(but(run=lies))
        result = referee.measure()
    assert set(result.shares.values()) == {0.0}


def test_a_function_is_asked_with_plain_values_and_not_again_after_it_ended_its_process() -> None:
    asked = replace(EVEN, asks=True)
    lab = replace(LAB, exercises=(asked, LAB.exercises[1]))
    ends = Launcher(but(ask=saying({"end": True})), code=1)
    bench = Outside(lab, CELLS, ends)
    for _ in range(3):
        with pytest.raises(CandidateError, match="It ended its own process"):
            bench.functions["even"]([1.0], [2.0])
    assert len(ends.started) == 1
    bench = Outside(lab, CELLS, Launcher(but(ask=saying({"answer": {"deep": [1]}}))))
    assert bench.functions["even"]("x") == {"deep": [1]}
