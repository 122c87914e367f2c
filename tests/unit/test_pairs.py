"""Pairs, their order, and the ratio with its interval."""

import math
import random
import statistics

import pytest

from sparklimits.measurement import pairs
from sparklimits.measurement.plan import BASELINE, CANDIDATE, GRADED, Place, Plan

NEVER = lambda slow, fast: False  # noqa: E731
ALWAYS = lambda slow, fast: True  # noqa: E731


class Recorder:
    """Stands for the runs: remembers each place, and takes 4 s for the naive way and 2 s for the other."""

    def __init__(self):
        self.places = []

    def __call__(self, place):
        self.places.append(place)
        number = len(self.places) - 1
        return (4.0 if place.arm == BASELINE else 2.0) + number / 1000, f"output {number}"


def test_the_ratio_of_equal_pairs_is_exact():
    found = pairs.ratio([4.0, 8.0, 2.0], [2.0, 4.0, 1.0])
    assert (found.speedup, found.low, found.high) == pytest.approx((2.0, 2.0, 2.0))


def test_the_ratio_is_the_geometric_mean_with_students_interval():
    found = pairs.ratio([1.0, 4.0], [1.0, 1.0])
    # logs 0 and log 4: mean log 2, standard error log 2, and t is 12.706 at one degree of freedom
    assert found.speedup == pytest.approx(2.0)
    assert found.low == pytest.approx(2.0 ** (1 - 12.7062), rel=1e-4)
    assert found.high == pytest.approx(2.0 ** (1 + 12.7062), rel=1e-4)


def test_swapping_the_arms_inverts_the_ratio():
    slow, fast = [3.0, 3.5, 2.9], [1.1, 0.9, 1.0]
    there, back = pairs.ratio(slow, fast), pairs.ratio(fast, slow)
    assert there.speedup == pytest.approx(1 / back.speedup)
    assert there.low == pytest.approx(1 / back.high)


@pytest.mark.parametrize("count", [3, 5, 9])
def test_the_interval_covers_the_truth_95_times_in_100(count):
    rng = random.Random(11)
    trials = 2000

    def covered():
        slow = [3.0 * rng.lognormvariate(0, 0.15) for _ in range(count)]
        found = pairs.ratio(slow, [rng.lognormvariate(0, 0.15) for _ in range(count)])
        return found.low <= 3.0 <= found.high

    share = statistics.fmean(covered() for _ in range(trials))
    assert abs(share - 0.95) < 0.02  # four standard errors


@pytest.mark.parametrize(("slow", "fast"), [([1.0, 2.0], [1.0]), ([1.0], [1.0]), ([], [])])
def test_too_few_or_unequal_runs_are_refused(slow, fast):
    with pytest.raises(ValueError, match=r"two pairs|longer|shorter"):
        pairs.ratio(slow, fast)


def test_the_two_estimates_fail_in_different_ways():
    disturbed = pairs.estimates([4.0, 9.0, 4.0, 8.0], [2.0, 2.0, 7.0, 9.0])
    assert disturbed == pytest.approx((math.log(2.0), math.log(math.sqrt(2.0 * 8 / 9))))
    one_lucky_run = pairs.estimates([4.0, 4.0, 4.0], [4.0, 1.0, 4.0])
    assert one_lucky_run == pytest.approx((0.0, 0.0))
    drift = pairs.estimates([4.0, 8.0, 16.0], [2.0, 4.0, 8.0])
    assert drift == pytest.approx((math.log(2.0), math.log(2.0)))


def test_both_ways_are_warmed_up_and_that_is_not_counted():
    run = Recorder()
    timed = pairs.paired(run, NEVER, rng=random.Random(1))
    assert run.places[:2] == [Place(BASELINE, None), Place(CANDIDATE, None)]
    assert [place.warms_up for place in run.places[:3]] == [True, True, False]
    assert {"output 0", "output 1"}.isdisjoint(one.output for one in timed)
    assert len(timed) == len(run.places) - 2 == 2 * GRADED.most


def test_a_shorter_plan_has_fewer_warm_ups_and_pairs():
    run = Recorder()
    timed = pairs.paired(run, NEVER, rng=random.Random(1), plan=Plan(warm_ups=(CANDIDATE,), least=2, most=2))
    assert run.places[0] == Place(CANDIDATE, None)
    assert len(timed) == len(run.places) - 1 == 4


def test_each_pair_has_both_ways_in_an_order_by_chance():
    run = Recorder()
    timed = pairs.paired(run, NEVER, rng=random.Random(3))
    orders = [(timed[i].place.arm, timed[i + 1].place.arm) for i in range(0, len(timed), 2)]
    assert set(orders) == {(BASELINE, CANDIDATE), (CANDIDATE, BASELINE)}
    assert [one.place.pair for one in timed] == [pair for pair in range(GRADED.most) for _ in range(2)]
    again = pairs.paired(Recorder(), NEVER, rng=random.Random(3))
    assert [one.place.arm for one in again] == [one.place.arm for one in timed]


def test_the_runs_are_what_was_measured():
    timed = pairs.paired(Recorder(), ALWAYS, rng=random.Random(5))
    for one in timed:
        number = int(one.output.removeprefix("output "))
        assert one.seconds == (4.0 if one.place.arm == BASELINE else 2.0) + number / 1000


@pytest.mark.parametrize(("stop_at", "count"), [(1, 3), (3, 3), (4, 4), (10, 10), (99, 11)])
def test_the_stopping_rule_is_asked_after_each_pair_from_the_third_on(stop_at, count):
    asked = []

    def settled(slow, fast):
        assert len(slow) == len(fast)
        asked.append(len(slow))
        return len(slow) >= stop_at

    timed = pairs.paired(Recorder(), settled, rng=random.Random(1))
    assert len(timed) == 2 * count
    assert asked == list(range(GRADED.least, count + 1))


def test_an_error_in_a_run_ends_the_measurement():
    def run(place):
        if place.pair == 1:
            raise RuntimeError("executor lost")
        return 1.0, None

    with pytest.raises(RuntimeError, match="executor lost"):
        pairs.paired(run, NEVER, rng=random.Random(1))


def test_progress_tells_what_runs_and_what_is_left():
    told = []
    pairs.paired(Recorder(), NEVER, rng=random.Random(1), progress=told.append)
    assert told[0] == "warming up: baseline"
    assert told[2].startswith("pair 1 of 3 (at most 11): ")
    assert told[-1].startswith("pair 11 of at most 11: ")


def test_seconds_are_sorted_by_pair_whatever_ran_first():
    timed = pairs.paired(Recorder(), ALWAYS, rng=random.Random(3))
    runs = list(reversed(timed))
    slow, fast = pairs.seconds_of(runs, BASELINE), pairs.seconds_of(runs, CANDIDATE)
    by_pair = {(one.place.pair, one.place.arm): one.seconds for one in timed}
    assert slow == [by_pair[pair, BASELINE] for pair in range(3)]
    assert fast == [by_pair[pair, CANDIDATE] for pair in range(3)]
