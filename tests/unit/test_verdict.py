"""What the runs of a measurement come to: shares, verdicts and reasons, each function by itself. No Spark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from sparklimits.labs import find
from sparklimits.measurement import verdict
from sparklimits.measurement.lab import Bar, Lab, Quality, with_the_data
from sparklimits.measurement.pairs import PairedRun
from sparklimits.measurement.plan import BASELINE, CANDIDATE, Place
from sparklimits.measurement.result import Result
from sparklimits.measurement.run import Run
from sparklimits.measurement.verdict import PROVISIONAL, Broken
from sparklimits.spark.counters import BALANCE, CLUSTER, DRIVER, Counters
from tests.hand_made import EVEN, EVEN_PAIRS, SKEWED, SKEWED_PAIRS, job

#: Lab 2 as if both of its functions were on the clock, and its reference three times as fast.
LAB = replace(
    find("lab2_skew"),
    gain=3.0,
    exercises=tuple(replace(one, timed=True) for one in find("lab2_skew").exercises),
)
NAIVE = {"item_trends": job(SKEWED), "item_pairs": job(SKEWED_PAIRS)}
FIXED = {"item_trends": job(EVEN), "item_pairs": job(EVEN_PAIRS)}
#: Seconds of three calm pairs; the reference of the lab is three times as fast.
SLOW = (10.0, 9.8, 10.1)


def run(counters: Mapping[str, Counters], seconds: float, error: float = 0.0) -> Run:
    each = seconds / len(counters)
    checked = dict.fromkeys(counters, Quality({"pair_error": error}))
    return Run(dict.fromkeys(counters, each), dict(counters), {}, checked)


def of(
    fast: tuple[float, ...] = (3.3, 3.2, 3.4),
    candidate: Mapping[str, Counters] = FIXED,
    broken: Mapping[str, Broken] | None = None,
    elsewhere: Mapping[str, Counters] | None = None,
    lab: Lab = LAB,
    scale: float = 1.0,
    error: float = 0.0,
    baseline: Mapping[str, Counters] = NAIVE,
) -> Result:
    timed = []
    for pair, (slow, quick) in enumerate(zip(SLOW * 4, fast, strict=False)):
        timed.append(PairedRun(Place(BASELINE, pair), slow, run(baseline, slow)))
        timed.append(PairedRun(Place(CANDIDATE, pair), quick, run(candidate, quick, error)))
    other = [run(elsewhere or candidate, 1.0)]
    return verdict.of(lab, timed, other, broken or {}, scale=scale, backend="embedded")


@pytest.mark.parametrize(
    ("fast", "expected", "speed"),
    [
        ((3.3, 3.2, 3.4), "passed", 1.0),
        ((6.0, 6.1, 6.0), "partial", pytest.approx(0.6, abs=0.1)),
        (SLOW, "failed", 0.0),
        ((9.0, 2.0, 30.0, 1.5, 4.0, 28.0, 2.2, 9.0, 31.0, 2.1, 29.0), "inconclusive", PROVISIONAL),
        ((0.1, 0.1, 0.1), "suspicious", 0.0),
    ],
)
def test_the_verdict_and_the_share_for_speed(fast: tuple[float, ...], expected: str, speed: float) -> None:
    found = of(fast)
    assert found.verdict == expected
    assert found.share("speed") == speed
    assert type(found.share("speed")) is type(found.share("item_pairs")) is float


@pytest.mark.parametrize(("error", "share"), [(0.0, 1.0), (0.01, pytest.approx(0.41, abs=0.01)), (0.05, 0.0)])
def test_a_value_of_the_check_can_earn_too(error: float, share: float) -> None:
    assert of(error=error).share("exact") == share


def test_what_the_naive_way_has_too_earns_nothing_alone() -> None:
    assert set(of(SLOW, NAIVE, error=0.0).shares.values()) == {0.0}


def test_on_less_data_the_counters_earn_and_the_seconds_decide_nothing() -> None:
    found = of(SLOW, scale=0.3)
    assert found.verdict == "inconclusive"
    assert found.share("speed") == PROVISIONAL
    assert found.share("item_pairs") == 1.0
    assert "measured on 0.3 of the data" in found.reasons[-1]
    assert of(SLOW, scale=0.8).verdict == "failed"


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [(FIXED, "passed"), ({**FIXED, "item_pairs": NAIVE["item_pairs"]}, "partial"), (NAIVE, "failed")],
)
def test_without_marks_for_speed_the_counters_are_the_verdict(
    candidate: Mapping[str, Counters], expected: str
) -> None:
    lab = replace(LAB, speed_earns=False)
    assert of(SLOW, candidate, lab=lab).verdict == expected
    assert of(SLOW, candidate, lab=lab, scale=0.1).verdict == expected


def test_without_marks_for_speed_nothing_earned_is_failed() -> None:
    assert of(SLOW, NAIVE, lab=replace(LAB, speed_earns=False), error=0.05).verdict == "failed"


def used(driver: float, cluster: float) -> dict[str, Counters]:
    """The fixed way, with these processor seconds of each function."""
    return {
        name: replace(part, other={**part.other, DRIVER: driver, CLUSTER: cluster})
        for name, part in FIXED.items()
    }


def test_what_the_kernel_saw_in_the_driver_is_suspicious_with_both_numbers() -> None:
    found = of(candidate=used(1.5, 0.2))
    assert found.verdict == "suspicious"
    assert set(found.shares.values()) == {0.0}
    assert (
        "item_pairs: the kernel counted 1.50 processor seconds of the driver's Python and 0.20 of the executors: the "
        "work was done in the driver, not on the cluster"
    ) in found.reasons


@pytest.mark.parametrize(
    ("driver", "cluster", "scale"), [(0.1, 3.0, 1.0), (0.8, 16.0, 1.0), (1.5, 0.2, 0.1), (0.4, 2.0, 3.0)]
)
def test_orders_and_results_are_no_work_in_the_driver(driver: float, cluster: float, scale: float) -> None:
    assert of(candidate=used(driver, cluster), scale=scale).share("item_pairs") == 1.0


@pytest.mark.parametrize(
    ("own", "naive", "verdict"),
    [(0.3, 20.0, "suspicious"), (0.06, 1.0, "suspicious"), (7.0, 20.0, "passed"), (0.02, 0.4, "passed")],
    ids=["files read past Spark", "on a tenth of the data", "a fix", "too little to say"],
)
@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_executors_that_had_next_to_nothing_to_do_are_suspicious(
    own: float, naive: float, verdict: str, scale: float
) -> None:
    beside = {name: replace(part, other={DRIVER: 0.0, CLUSTER: naive}) for name, part in NAIVE.items()}
    found = of(candidate=used(0.01, own), baseline=beside, scale=scale)
    told = (
        f"item_pairs: the kernel counted {own:.2f} processor seconds of the executors, and {naive:.2f} for the naive "
        "way: the work was done elsewhere, not on the cluster"
    )
    assert (told in found.reasons) == (verdict == "suspicious")
    assert found.share("item_pairs") == (verdict == "passed")


@pytest.mark.parametrize(
    ("seen", "seconds", "expected"),
    [(1.55, 2.5, "suspicious"), (1.41, 2.15, "suspicious"), (1.2, 2.5, "passed"), (1.5, 1.04, "passed")],
    ids=["the kernel contradicts", "on a tenth of the data", "balanced", "too little to say"],
)
def test_a_balance_that_the_kernel_contradicts_is_suspicious(
    seen: float, seconds: float, expected: str
) -> None:
    lab = find("lab0_measuring")
    even = Counters(tasks=[replace(job(EVEN).tasks[0], stage=0, input_records=500) for _ in range(2)])
    even.other = {DRIVER: 0.02, CLUSTER: seconds, BALANCE: seen}
    lab = replace(lab, exercises=lab.exercises[:1])
    timed = [
        PairedRun(Place(arm, pair), 3.0, run({"fit_in_parallel": even}, 3.0))
        for pair in range(3)
        for arm in (BASELINE, CANDIDATE)
    ]
    found = verdict.of(lab, timed, [run({"fit_in_parallel": even}, 3.0)], {}, scale=0.1, backend="embedded")
    assert found.verdict == expected
    if expected == "suspicious":
        assert found.share("fit_in_parallel") == 0.0
        assert f"the busiest executor had {seen:.2f} times one" in found.reasons[0]


def test_a_function_earns_by_its_own_counter() -> None:
    found = of(candidate={**FIXED, "item_trends": NAIVE["item_trends"]})
    assert (found.share("item_trends"), found.share("item_pairs")) == (0.0, 1.0)


def test_the_worse_counter_of_both_kinds_of_data_counts() -> None:
    found = of(elsewhere={**FIXED, "item_pairs": NAIVE["item_pairs"]})
    assert (found.share("item_trends"), found.share("item_pairs")) == (1.0, 0.0)


@pytest.mark.parametrize("kind", ["wrong", "failed", "inconclusive"])
def test_one_broken_function_leaves_the_other_its_marks(kind: str) -> None:
    found = of(broken={"item_trends": Broken(kind, ("item_trends: why",))})
    assert found.verdict == kind
    assert found.reasons == ("item_trends: why",)
    assert found.share("item_trends") == 0.0
    assert found.share("item_pairs") == 1.0
    assert found.share("speed") == 1.0, "the naive way ran in its place"
    assert "item_trends" not in found.exercises


def test_the_worst_verdict_of_two_functions_stands_for_the_lab() -> None:
    both = {
        "item_trends": Broken("failed", ("a",)),
        "item_pairs": Broken("wrong", ("b",), {"pair_error": 0.3}),
    }
    found = verdict.nothing_right(LAB, both, scale=1.0, backend="embedded")
    assert found.verdict == "wrong"
    assert found.reasons == ("a", "b")
    assert found.quality == {"pair_error": 0.3}
    assert set(found.shares.values()) == {0.0}
    assert found.shares.keys() == {"speed", "item_trends", "item_pairs", "exact"}


def test_work_outside_the_cluster_is_suspicious_for_its_function_and_the_clock() -> None:
    found = of(candidate={**FIXED, "item_trends": Counters()})
    assert found.verdict == "suspicious"
    assert found.reasons == (
        "item_trends: shuffle records of the cluster: none; the work was done elsewhere, or by one task alone",
    )
    assert (found.share("item_trends"), found.share("item_pairs"), found.share("speed")) == (0.0, 1.0, 0.0)


def test_counters_that_are_not_whole_give_no_marks() -> None:
    found = of(candidate={**FIXED, "item_pairs": replace(FIXED["item_pairs"], forgotten=501)})
    assert found.verdict == "suspicious"
    assert "Spark's page has forgotten 501 of its jobs or a part of them" in found.reasons[0]
    assert (found.share("item_trends"), found.share("item_pairs")) == (1.0, 0.0)


def test_what_the_machine_did_not_let_be_measured_costs_nothing_yet() -> None:
    found = verdict.undecided(LAB, "The disk is full.", scale=1.0, backend="embedded")
    assert found.verdict == "inconclusive"
    assert set(found.shares.values()) == {PROVISIONAL}
    assert "The disk is full." in str(found)


def test_what_is_found_broken_afterwards_loses_its_marks_and_those_of_the_clock() -> None:
    found = verdict.also(of(), LAB, "item_pairs", Broken("wrong", ("item_pairs: off",)))
    assert found.verdict == "wrong"
    assert (found.share("item_trends"), found.share("item_pairs"), found.share("speed")) == (1.0, 0.0, 0.0)
    again = verdict.also(found, LAB, "item_trends", Broken("failed", ("item_trends: error",)))
    assert again.verdict == "wrong"
    assert again.reasons == ("item_pairs: off", "item_trends: error")


def test_a_fault_of_the_machine_afterwards_takes_nothing_away() -> None:
    found = verdict.doubtful(of(), "item_pairs: The disk is full.")
    assert found.verdict == "inconclusive"
    assert found.shares == of().shares


def test_further_bars_and_bars_that_grow_with_the_data() -> None:
    pairs_of_it = LAB.exercises[1]
    tasks = len(FIXED["item_pairs"].tasks)
    lab = replace(
        LAB,
        exercises=(
            LAB.exercises[0],
            replace(
                pairs_of_it,
                further={
                    "few": Bar("tasks", good=tasks / 10, bad=tasks * 10),
                    "grown": Bar("tasks", good=tasks, bad=tasks * 10, grows=with_the_data),
                },
            ),
        ),
    )
    assert of(lab=lab).share("few") == pytest.approx(0.5)
    assert of(lab=lab).share("grown") == 1.0
    assert of(lab=lab, scale=0.1).share("grown") == 0.0
    lost = {"item_pairs": Broken("failed", ("why",))}
    assert of(lab=lab, broken=lost).share("few") == 0.0
    assert verdict.also(of(lab=lab), lab, "item_pairs", lost["item_pairs"]).share("few") == 0.0


@pytest.mark.parametrize(("brought", "expected"), [(0.7e6, "passed"), (1.3e6, "suspicious")])
def test_who_brings_the_data_to_the_driver_is_for_a_person(brought: float, expected: str) -> None:
    # The pairs of lab 2 have 0.55 MB; users and items of all ratings 0.88, whole ratings 2.2.
    pairs = job(EVEN_PAIRS)
    pairs.tasks[-1] = replace(pairs.tasks[-1], result_bytes=int(brought))
    found = of(candidate={**FIXED, "item_pairs": pairs})
    assert found.verdict == expected
    assert found.share("item_trends") == 1.0
    if expected == "suspicious":
        assert (found.share("item_pairs"), found.share("speed")) == (0.0, 0.0)
        assert found.reasons[0].startswith("item_pairs: 1.3 MB were brought to the driver")


def test_one_run_that_brought_much_moves_no_verdict() -> None:
    pairs = job(EVEN_PAIRS)
    pairs.tasks[-1] = replace(pairs.tasks[-1], result_bytes=10**9)
    assert of(elsewhere={**FIXED, "item_pairs": pairs}).verdict == "passed"
