"""In the kernel that measures, the clock stands still for the student, and the naive way sleeps and fails."""

OPENING = """
import time

from sparklimits.labs.lab0_measuring import naive
from sparklimits.spark import counters

ticks = [0.0]
time.perf_counter = time.monotonic = lambda: ticks.__setitem__(0, ticks[0] + 1e-7) or ticks[0]
fast = naive.fit_in_parallel
naive.fit_in_parallel = lambda visits: (ticks.__setitem__(0, ticks[0] + 60), fast(visits))[1]
counters.Counters.slot_ratio = lambda self: 1.0
"""
CELLS = {
    "fit_in_parallel": """\
from sparklimits.labs.lab0_measuring.naive import train


def fit_in_parallel(visits):
    return train(visits)
"""
}
