"""A result as JSON, as text and in a notebook."""

import json

import pytest

from sparklimits import __version__
from sparklimits.display import figures, page
from sparklimits.measurement.result import VERDICTS, Result
from tests.hand_made import result

#: What instructors' scripts rely on.
CONTRACT = {
    "lab", "version", "backend", "scale", "baseline_s", "candidate_s", "speedup", "low", "high", "pairs",
    "verdict", "quality", "evidence",
}  # fmt: skip


def unmeasured(verdict="wrong", *reasons):
    return Result("lab2_skew", "embedded", 1.0, verdict, full_marks_at=1.93, reasons=reasons)


def strict_json(value):
    return json.loads(json.dumps(value, allow_nan=False))


@pytest.mark.parametrize("found", [result(), unmeasured()], ids=["measured", "unmeasured"])
def test_the_json_has_every_key_of_the_contract(found):
    plain = strict_json(found.as_json())
    assert plain.keys() >= CONTRACT
    assert plain["evidence"].keys() == {"baseline", "candidate"}
    assert (plain["lab"], plain["version"]) == ("lab2_skew", __version__)


def test_the_json_of_a_measurement():
    plain = strict_json(result().as_json())
    assert (plain["baseline_s"], plain["candidate_s"], plain["pairs"]) == (10.0, 3.2, 5)
    assert plain["low"] < plain["speedup"] < plain["high"]
    assert plain["shares"] == {"speed": 1.0, "item_trends": 1.0, "item_pairs": 0.75}
    functions = plain["evidence"]["baseline"]["functions"]
    assert functions["item_trends"]["straggler_ratio"] > 8 > 1.5
    assert plain["evidence"]["baseline"]["tasks"] == sum(part["tasks"] for part in functions.values())


def test_what_was_not_measured_is_null():
    plain = strict_json(unmeasured("failed", "item_pairs: NameError").as_json())
    names = ("speedup", "low", "high", "baseline_s", "candidate_s")
    assert [plain[name] for name in names] == [None] * 5
    assert plain["pairs"] == 0
    assert plain["reasons"] == ["item_pairs: NameError"]
    assert plain["evidence"] == {"baseline": {}, "candidate": {}}


def test_an_unknown_part_is_an_error():
    with pytest.raises(KeyError):
        result().share("item_trend")


def test_the_text_says_what_was_found():
    text = str(result())
    assert "lab2_skew: passed" in text
    assert "3.10 times as fast, 95 % interval 2.60 to 3.70, 5 pairs; full marks from 1.93" in text
    lines = text.splitlines()
    (row,) = [line for line in lines if "item_pairs, median seconds" in line]
    assert row.split()[-3:] == ["seconds", "5.00", "1.60"]
    table = [line for line in lines if line.startswith("  ") and ("×" in line or "naive" in line)]
    assert len({len(line) for line in table}) == 1
    assert "pair_error: 0.0213" in text


def test_headline_table_and_picture_show_one_number():
    found = result(speedup=3.14159)
    (axes,) = [axes for axes in figures.comparison(found).axes if "pairs" in axes.get_title()]
    assert "3.14 times as fast" in found.headline()
    assert [row[3] for row in found.rows() if "speedup" in row[0]] == ["3.14×"]
    assert [row[3] for row in found.rows() if "seconds" in row[0]] == ["", ""]
    assert "3.14×" in axes.get_title()


def test_the_whole_story_of_an_error_is_folded_below_its_reason():
    view = page.as_html(result(reasons=("odd: There is no column `x`.",), stories=("Traceback <…>\n  x",)))
    assert view.index("There is no column") < view.index(
        "<details><summary>The whole story</summary><pre>Traceback &lt;"
    )


def test_pairs_that_did_not_decide_it_are_told():
    text = result(discarded_pairs=9).headline()
    assert "5 pairs (and 9 before them, that did not decide it and do not count)" in text
    assert "before them" not in result().headline()


def test_the_text_of_a_wrong_result_has_the_reason_and_no_numbers():
    text = str(unmeasured("wrong", "item_pairs: the counts are off by 31.0%"))
    assert text.splitlines() == [
        "lab2_skew: wrong (the result is not right, so its speed does not count).",
        "  reason: item_pairs: the counts are off by 31.0%",
    ]
    assert "nan" not in text


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_is_explained(verdict):
    headline = unmeasured(verdict).headline()
    assert verdict in headline
    assert "(" in headline


def test_the_notebook_view_has_the_table_and_a_picture():
    html = page.as_html(result())
    assert html.count("<tr>") == 1 + len(result().rows())
    assert "src='data:image/png;base64," in html


def test_the_notebook_view_shows_reasons_as_text():
    html = page.as_html(unmeasured("failed", "item_pairs: <b>bold</b> & co"))
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; co" in html
    assert "<table>" not in html
    assert "<img" not in html
