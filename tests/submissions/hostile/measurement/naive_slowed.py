"""The way that the student is compared with sleeps, and its answers are made the right ones."""

CELLS = {
    "fit_in_parallel": """\
import time

from sparklimits.labs import find
from sparklimits.labs.lab0_measuring import naive
from sparklimits.measurement.lab import Exercise

fast = naive.fit_in_parallel


def slow(visits):
    time.sleep(5)
    return fast(visits)


naive.fit_in_parallel = slow
for one in find("lab0_measuring").exercises:
    object.__setattr__(one, "naive", slow)


def fit_in_parallel(visits):
    return fast(visits)
"""
}
