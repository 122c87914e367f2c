"""What submissions of each kind get, at full size, from the referee: minutes each.

The reference's full marks: ``test_bars``. The machine must be quiet.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import pytest

from sparklimits.grading.referee.referee import Referee
from sparklimits.labs import find, ids
from sparklimits.measurement.result import Result
from tests.submissions import lab3_network, reference, with_cells

IN_THE_DRIVER = ("lab1_memory", "lab2_skew", "lab3_network", "lab4_synchronisation", "lab6_capstone")


def refereed(lab_id: str, sources: dict[str, str]) -> Result:
    lab = find(lab_id)
    notebook = with_cells(lab_id, sources)
    names = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source for cell in notebook.cells}
    with Referee(lab, {name: names[name] for name in lab.names}, scale=1.0) as referee:
        return referee.measure()


def kinds(kind: str) -> Iterator[str]:
    """The labs that have submissions of this kind."""
    return (one for one in ids() if hasattr(import_module(f"tests.submissions.{one}"), kind))


@pytest.mark.parametrize("lab_id", list(ids()))
def test_untouched_earns_nothing(lab_id: str) -> None:
    found = refereed(lab_id, {})
    assert found.verdict == "failed", found.reasons
    assert set(found.shares.values()) == {0.0}


@pytest.mark.parametrize("lab_id", list(kinds("HALF")))
def test_half_fixed_earns_a_part(lab_id: str) -> None:
    found = refereed(lab_id, import_module(f"tests.submissions.{lab_id}").HALF)
    assert found.verdict in ("partial", "passed", "failed"), found.reasons
    assert 0.0 < sum(found.shares.values()) < len(found.shares)


@pytest.mark.parametrize("lab_id", list(kinds("WRONG")))
def test_wrong_earns_nothing_for_what_is_wrong(lab_id: str) -> None:
    cells = import_module(f"tests.submissions.{lab_id}").WRONG
    found = refereed(lab_id, cells)
    assert found.verdict == "wrong", (found.verdict, found.reasons)
    for one in find(lab_id).exercises:
        if one.name in cells:
            assert not any(found.share(part) for part in one.bars), (one.name, found.reasons)


@pytest.mark.parametrize("lab_id", IN_THE_DRIVER)
def test_work_in_the_driver_is_suspicious(lab_id: str) -> None:
    found = refereed(lab_id, import_module(f"tests.submissions.{lab_id}").IN_THE_DRIVER)
    assert found.verdict == "suspicious", (found.verdict, found.reasons)
    assert found.share("speed") == 0.0
    assert any("not on the cluster" in reason for reason in found.reasons)


@pytest.mark.parametrize("lab_id", list(kinds("OTHER_RIGHT")))
def test_another_right_answer_earns_all_of_its_marks(lab_id: str) -> None:
    cells = import_module(f"tests.submissions.{lab_id}").OTHER_RIGHT
    found = refereed(lab_id, cells)
    assert found.share("speed") == 1.0, (found.verdict, found.reasons)
    for one in find(lab_id).exercises:
        if one.name in cells:
            assert all(found.share(part) == 1.0 for part in one.bars), (one.name, found.reasons)


@pytest.mark.parametrize("way", list(lab3_network.RIGHT))
def test_what_is_right_in_another_way_earns_all(way: str) -> None:
    lab = find("lab3_network")
    cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in reference(lab.id).cells}
    sources = {name: cells[name].source for name in lab.names}
    found = refereed(lab.id, {**sources, "cohort_tastes": lab3_network.RIGHT[way]})
    assert (found.verdict, set(found.shares.values())) == ("passed", {1.0}), found.reasons


@pytest.mark.parametrize("way", list(lab3_network.SLOW))
def test_few_bytes_in_slow_ways_earn_the_marks_for_bytes(way: str) -> None:
    found = refereed("lab3_network", {"cohort_tastes": lab3_network.SLOW[way]})
    assert found.verdict in ("partial", "failed"), (found.verdict, found.reasons)
    assert found.share("cohort_tastes") == 1.0
    assert found.share("speed") < 1.0
