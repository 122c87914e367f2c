"""The grading page shows the points of the notebooks and the bars of the labs, as they are."""

from __future__ import annotations

from sparklimits.display.tables import with_tables
from sparklimits.grading.policy import tables
from sparklimits.labs import every
from tests.submissions import ROOT


def test_the_page_is_in_step() -> None:
    text = (ROOT / "course" / "grading.md").read_text("utf-8")
    assert with_tables(text, tables(every(), ROOT)) == text, "run: python tools/write_grading_page.py"


def test_who_grades_what() -> None:
    rows = [line.split("|")[1:] for line in tables(every(), ROOT)["points"].splitlines()]
    found = {(row[0].strip(" `"), row[1].strip(" `")): row[2].strip() for row in rows}
    assert found["lab2_skew", "speed_points"] == "the clock"
    assert found["lab2_skew", "item_pairs_points"] == "Spark's counters"
    assert found["lab0_measuring", "ratio_points"] == "wrong answers, counted"
    assert found["lab0_measuring", "explain"] == "a person"
    assert found["lab6_capstone", "evidence_points"] == "the notebook"
    assert found["lab6_capstone", "bytes_points"] == "Spark's counters"
    assert found["lab7_gpu", "train_epoch_points"] == "counts of PyTorch"
