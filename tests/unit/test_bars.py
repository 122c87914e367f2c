"""From seconds to shares of the marks."""

import math
import random

import pytest

from sparklimits.labs import find
from sparklimits.measurement import bars
from sparklimits.measurement.plan import GRADED

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


def test_a_few_lucky_runs_earn_nothing():
    slow, fast = seconds(*[1.0] * 7, *[1.6] * 4)
    assert bars.speed_share(slow, fast, GAIN) == 0.0


def test_one_disturbed_run_costs_a_good_solution_nothing():
    slow, fast = seconds(3.0, 3.0, 0.9, 3.0, 3.0)
    assert bars.speed_share(slow, fast, GAIN) == 1.0


@pytest.mark.parametrize("arm", [0, 1], ids=["naive", "candidate"])
@pytest.mark.parametrize("factor", [1e-3, 1e3], ids=["forged or lucky", "disturbed"])
@pytest.mark.parametrize("pair", range(GRADED.most))
@pytest.mark.parametrize(("power", "share"), [(0.0, 0.0), (0.425, 0.5), (1.0, 1.0)])
def test_no_single_run_moves_a_verdict(arm, factor, pair, power, share):
    noise = [1.0, 1.02, 0.97, 1.01, 0.99, 1.03, 0.98, 1.0, 1.02, 0.99, 1.01]
    slow, fast = seconds(*[one * GAIN**power for one in noise])
    (slow, fast)[arm][pair] *= factor
    for count in range(GRADED.least, GRADED.most + 1):
        so_far = slow[:count], fast[:count], GAIN
        assert not bars.missed(*so_far) or share == 0.0
        assert not bars.reached(*so_far) or share == 1.0
    assert bars.speed_share(slow, fast, GAIN) == pytest.approx(share, abs=0.1)


@pytest.mark.parametrize(
    ("speedups", "stops"),
    [
        ((3.0, 3.1, 2.9), True),  # reached
        ((1.0, 1.0, 1.0), True),  # missed
        ((2.0, 3.0, 1.5), False),  # one pair of three votes against it
        ((2.0, 3.0, 1.5, 2.4, 2.5), True),  # four against one
        ((1.6, 1.6, 1.6, 1.6, 1.6), False),  # between the bars, below the cut
        ((1.8, 1.8, 1.8, 1.8, 1.8), False),  # between the bars, above the cut
        ((1.0, 1.0, 1.9, 1.0), False),  # three against one: a lead of two
        ((1.0, 1.0, 1.9, 1.0, 1.0), True),
    ],
)
def test_when_the_pairs_stop_early(speedups, stops):
    assert bars.settled(*seconds(*speedups), GAIN) is stops


def test_the_lead_is_that_of_the_published_bound():
    """A gambler's ruin, played out: the wrong side leads first as seldom as the bound says."""
    rng = random.Random(3)
    wrong, games = 0.2, 20_000

    def lost():
        lead = 0
        while abs(lead) < bars.LEAD:
            lead += -1 if rng.random() < wrong else 1
        return lead < 0

    bound = wrong**bars.LEAD / (wrong**bars.LEAD + (1 - wrong) ** bars.LEAD)
    assert sum(lost() for _ in range(games)) / games == pytest.approx(bound, abs=0.004)


WILD = (0.1, 10.0) * 5


def test_nothing_is_noisy_before_all_pairs_have_run():
    assert bars.too_noisy(*seconds(*WILD, 5.0), GAIN)
    assert not bars.too_noisy(*seconds(*WILD), GAIN)


def test_estimates_that_contradict_each_other_are_noisy():
    slow, fast = [4.0, 2.0, 2.0, *[4.0] * 8], [2.5, 2.5, 2.5, *[2.0] * 3, *[2.5] * 5]
    found = bars.ratio(slow, fast)
    assert found.high / found.low < bars.MAX_INTERVAL
    assert bars.too_noisy(slow, fast, GAIN)


def test_calm_pairs_are_not_noisy():
    assert not bars.too_noisy(*seconds(*[1.6, 1.5, 1.7] * 3, 1.6, 1.5), GAIN)


#: Seconds of pairs as an oversubscribed machine gives them: a slow start, spikes, then calm.
RESTLESS = [9.0, 17.1, 10.2, 9.4, 25.0, 9.9, 9.1, 11.8, 9.3, 9.5, 9.2]


def test_a_good_solution_on_a_noisy_machine_is_never_without_marks():
    fast = [3.1, 6.0, 3.3, 8.1, 7.9, 3.2, 3.0, 4.1, 3.1, 3.3, 3.2]
    assert not bars.too_noisy(RESTLESS, fast, GAIN)
    assert bars.speed_share(RESTLESS, fast, GAIN) == 1.0


def test_untouched_code_on_a_noisy_machine_gets_nothing():
    same = [9.4, 15.8, 9.2, 18.3, 24.0, 9.3, 10.0, 9.9, 9.2, 9.4, 9.3]
    assert bars.speed_share(RESTLESS, same, GAIN) == 0.0


def test_a_hopelessly_noisy_machine_is_called_so():
    fast = [9.0, 2.0, 30.0, 1.5, 4.0, 28.0, 2.2, 9.0, 31.0, 2.1, 29.0]
    assert bars.too_noisy(RESTLESS, fast, GAIN)


def test_who_always_names_the_same_cause_earns_nothing() -> None:
    lab = find("lab0_measuring")
    for variant in lab.variants:
        causes = [run["cause"] for run in lab.make_data(0.1, 7, variant).runs]
        fewest = min(sum(cause != always for cause in causes) for always in set(causes))
        assert bars.counter_share(fewest, *lab.bars["bottleneck"].at(0.1)) == 0.0
