"""From seconds to shares of the marks."""

import math

import pytest

from sparklimits.measurement import bars

GAIN = 3.0
BARS = bars.Bars.of(GAIN)


def seconds(*speedups):
    """Baseline and candidate seconds whose pairs have these ratios."""
    return [4.0] * len(speedups), [4.0 / speedup for speedup in speedups]


def test_the_bars_of_a_gain_of_three():
    assert (BARS.none, BARS.full) == pytest.approx((3**0.25, 3**0.60))
    assert 1.0 < BARS.none < BARS.full < GAIN


def test_the_share_grows_with_the_logarithm_between_the_bars():
    middle = math.sqrt(BARS.none * BARS.full)
    assert bars.share(middle, GAIN) == pytest.approx(0.5)
    assert bars.share(BARS.full, GAIN) == pytest.approx(1.0)
    assert bars.share(BARS.none, GAIN) == pytest.approx(0.0)


@pytest.mark.parametrize(("speedup", "share"), [(0.0, 0.0), (0.2, 0.0), (1.0, 0.0), (2.9, 1.0), (1e6, 1.0)])
def test_the_share_is_a_plain_float_from_zero_to_one(speedup, share):
    found = bars.share(speedup, GAIN)
    assert type(found) is float
    assert found == share


@pytest.mark.parametrize(
    ("value", "share"),
    [(1.0, 1.0), (1.5, 1.0), (3.0, 0.5), (6.0, 0.0), (50.0, 0.0), (0.0, 1.0)],
)
def test_a_counter_earns_by_its_logarithm(value, share):
    found = bars.counter_share(value, good=1.5, bad=6.0)
    assert type(found) is float
    assert found == pytest.approx(share)


def test_the_speed_share_is_that_of_both_estimates():
    middle = math.sqrt(BARS.none * BARS.full)
    assert bars.speed_share(*seconds(middle, middle, middle), GAIN) == pytest.approx(0.5)
    assert bars.speed_share(*seconds(3.0, 3.1, 2.9), GAIN) == 1.0


def test_one_lucky_run_earns_nothing():
    slow, fast = seconds(1.0, 1.0, 1.0, 1.0, 3.0)
    assert math.log(min(slow) / min(fast)) == pytest.approx(math.log(3.0))
    assert bars.speed_share(slow, fast, GAIN) == 0.0


def test_one_disturbed_run_costs_a_good_solution_nothing():
    slow, fast = seconds(3.0, 3.0, 0.9, 3.0, 3.0)
    assert bars.speed_share(slow, fast, GAIN) == 1.0


@pytest.mark.parametrize(
    ("speedups", "stops"),
    [
        ((3.0, 3.1, 2.9), True),  # reached, and sure
        ((1.0, 1.0, 1.0), True),  # not half of the way to the lower bar
        ((1.2, 1.25, 1.2), False),  # missed, but three pairs are too few to say so
        ((1.2, 1.25, 1.2, 1.2, 1.2), True),
        ((1.6, 1.6, 1.6, 1.6, 1.6), False),  # between the bars
        ((2.0, 3.0, 6.0), False),  # reached, but the interval goes below the bar
        ((1.0, 1.0, 1.0, 1.0, 3.0), False),  # the estimates disagree
    ],
)
def test_when_the_pairs_stop_early(speedups, stops):
    assert bars.settled(*seconds(*speedups), GAIN) is stops


def test_a_reached_bar_must_lie_below_the_whole_interval():
    sure, unsure = seconds(2.5, 2.6, 2.7), seconds(2.0, 2.6, 3.4)
    assert bars.ratio(*sure).low >= BARS.full > bars.ratio(*unsure).low
    assert bars.settled(*sure, GAIN)
    assert not bars.settled(*unsure, GAIN)


def test_nothing_is_noisy_before_the_last_look():
    wild = (0.1, 10.0, 0.1, 10.0, 0.1, 10.0, 0.1, 10.0, 5.0)
    assert bars.too_noisy(*seconds(*wild), GAIN)
    assert not bars.too_noisy(*seconds(*wild[:5]), GAIN)


def test_estimates_that_contradict_each_other_are_noisy():
    slow, fast = seconds(*[1.0] * 8, 3.0)
    found = bars.ratio(slow, fast)
    assert found.high / found.low < bars.MAX_INTERVAL
    assert bars.too_noisy(slow, fast, GAIN)


def test_calm_pairs_are_not_noisy():
    assert not bars.too_noisy(*seconds(*[1.6, 1.5, 1.7] * 3), GAIN)


#: Seconds of pairs as an oversubscribed machine gives them: a slow start, spikes, then calm.
RESTLESS = [9.0, 17.1, 10.2, 9.4, 25.0, 9.9, 9.1, 11.8, 9.3]


def test_a_good_solution_on_a_restless_machine_is_never_without_marks():
    fast = [3.1, 6.0, 3.3, 8.1, 7.9, 3.2, 3.0, 4.1, 3.1]
    assert not bars.too_noisy(RESTLESS, fast, GAIN)
    assert bars.speed_share(RESTLESS, fast, GAIN) == 1.0


def test_untouched_code_on_a_restless_machine_gets_nothing():
    same = [9.4, 15.8, 9.2, 18.3, 24.0, 9.3, 10.0, 9.9, 9.2]
    assert bars.speed_share(RESTLESS, same, GAIN) == 0.0


def test_a_hopelessly_restless_machine_is_called_so():
    fast = [9.0, 2.0, 30.0, 1.5, 4.0, 28.0, 2.2, 9.0, 31.0]
    assert bars.too_noisy(RESTLESS, fast, GAIN)
