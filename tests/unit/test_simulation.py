"""The simulation behind the grading rule: its results are in step with the rule, and they are good enough."""

import dataclasses
import importlib.util
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from sparklimits.display.tables import with_tables
from sparklimits.labs import every
from sparklimits.measurement import bars
from sparklimits.measurement.plan import GRADED

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location(
    "grading_simulation", ROOT / "benchmarks" / "grading_simulation.py"
)
assert _spec is not None
assert _spec.loader is not None
simulation = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = simulation  # dataclasses look their module up
_spec.loader.exec_module(simulation)

RESULTS = json.loads(simulation.RESULTS.read_text(encoding="utf-8"))
ROWS = {(row["machine"], row["sigma"], row["gain"], row["case"]): row for row in RESULTS["rows"]}
ENOUGH = [gain for gain in simulation.GAINS if gain >= 3.0]  # a smaller gain is too little for the clock


def rows(case, sigmas, gains=ENOUGH):
    return [
        ROWS[machine, sigma, gain, case]
        for machine in simulation.MACHINES
        for sigma in sigmas
        for gain in gains
    ]


def test_the_results_are_for_the_rule_that_grades():
    assert RESULTS["rule"] == simulation.rule()
    assert RESULTS["draws"] == simulation.DRAWS
    assert [tuple(kind) for kind, _ in simulation.kinds()] == list(ROWS)


@pytest.mark.parametrize("number", [9, 46, 75])
def test_a_row_comes_out_again(number):
    kind, seed = simulation.kinds()[number]
    again = simulation.simulate(np.random.default_rng(seed), *kind, simulation.DRAWS)
    assert dataclasses.asdict(again) == pytest.approx(ROWS[kind], abs=1e-3)


def test_the_array_version_of_the_rule_says_what_the_rule_says():
    simulation.compare_with_scoring(np.random.default_rng(5), samples=60)


def test_a_difference_between_the_two_would_be_found(monkeypatch):
    monkeypatch.setattr(bars, "speed_share", lambda slow, fast, gain: 0.5)
    with pytest.raises(AssertionError, match="share differs"):
        simulation.compare_with_scoring(np.random.default_rng(5), samples=60)


def test_the_policy_shows_the_committed_tables():
    text = simulation.POLICY.read_text(encoding="utf-8")
    assert with_tables(text, simulation.tables(RESULTS)) == text, (
        "run benchmarks/grading_simulation.py --write"
    )


def test_the_tables_are_for_a_gain_that_a_lab_has():
    tables = simulation.tables(RESULTS)
    assert simulation.SHOWN_GAIN in {lab.gain for lab in every()}
    shown = len(simulation.SIGMAS) * len(simulation.CASES)
    assert len(tables["cases"].splitlines()) == 2 + shown


def test_the_probabilities_add_up():
    for row in ROWS.values():
        assert row["some"] + row["none"] + row["inconclusive"] == pytest.approx(1.0)
        assert row["full"] <= row["some"]
        assert GRADED.least <= row["mean_pairs"] <= 2 * GRADED.most


@pytest.mark.parametrize("case", ["untouched", "5 % slower"])
def test_what_is_not_faster_gets_no_speed_marks_by_luck(case):
    assert max(row["some"] for row in rows(case, [0.05, 0.1])) < 0.001
    assert max(row["some"] for row in rows(case, [0.2])) <= 0.001


def test_what_is_as_fast_as_the_reference_gets_full_marks():
    assert min(row["full"] for row in rows("equal to the reference", [0.05, 0.1])) > 0.999
    assert min(row["full"] for row in rows("equal to the reference", [0.2])) >= 0.999


def test_half_way_gets_its_share_in_the_mean():
    due = (0.4 - bars.NONE) / (bars.FULL - bars.NONE)
    for row in rows("half-way", simulation.SIGMAS):
        # Where the noise is large, some have too few pairs above ``bars.ABOVE``.
        assert row["mean_share"] == pytest.approx(due, abs=0.02 if row["sigma"] < 0.2 else 0.06)
        assert row["full"] < 0.1


def test_the_interval_covers_what_the_page_says():
    """Between the ends that the page gives."""
    text = " ".join(simulation.POLICY.read_text(encoding="utf-8").split())
    found = re.search(r"in \*\*(\d+) to (\d+) %\*\* .* With spikes, .* it is (\d+) to (\d+) %", text)
    assert found is not None
    ends = [int(one) / 100 for one in found.groups()]
    gain = simulation.SHOWN_GAIN
    for spikes, low, high in ((0.0, *ends[:2]), (simulation.SPIKES, *ends[2:])):
        for sigma in simulation.SIGMAS:
            at = {
                power: simulation.coverage(gain**power, sigma, spikes, draws=10_000)
                for power in (0.0, 0.4, bars.FULL, 1.0)
            }
            assert low - 0.005 <= min(at.values())
            assert max(at.values()) <= high + 0.01
