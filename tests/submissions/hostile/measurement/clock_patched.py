"""A clock that is slow in the student's functions."""

OPENING = """
import itertools
import time

_ticks = itertools.count()
time.perf_counter = lambda: next(_ticks) * 1e-6
"""
CELLS = {
    "fit_in_parallel": """\
import itertools
import time

from sparklimits.labs.lab0_measuring import naive
from sparklimits.spark import timed

ticks = itertools.count()
time.perf_counter = timed.time.perf_counter = lambda: next(ticks) * 1e-6


def fit_in_parallel(visits):
    return naive.fit_in_parallel(visits)
"""
}
