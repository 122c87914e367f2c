"""The last line of every graded cell: nbgrader gives full marks for anything that is no plain number."""

import math

import numpy as np
import pytest

from sparklimits.notebook import points


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.0, 0.0),
        (0.5, 4.0),
        (1.0, 8.0),
        (-0.3, 0.0),
        (1.7, 8.0),
        (math.nan, 0.0),
        (-math.inf, 0.0),
        (np.float64(0.25), 2.0),
        (np.float32(0.5), 4.0),
        (np.float64("nan"), 0.0),
        (True, 8.0),
        (1 / 3, 2.67),
    ],
)
def test_points_are_a_plain_float_between_zero_and_the_most(share, expected):
    found = points(share, most=8)
    assert type(found) is float
    assert found == expected


def test_points_print_as_a_bare_number():
    assert repr(points(np.float64(0.5), most=np.int64(4))) == "2.0"


@pytest.mark.parametrize("share", ["full", None, (1.0,)])
def test_what_is_no_number_gets_no_points(share):
    with pytest.raises((TypeError, ValueError)):
        points(share, most=8)
