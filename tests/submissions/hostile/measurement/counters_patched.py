"""Spark's counters are counted up to be those of the right way."""

CELLS = {
    "fit_in_parallel": """\
from sparklimits.labs.lab0_measuring import naive
from sparklimits.spark.counters import Counters

Counters.slot_ratio = lambda self: 1.0
Counters.summary = lambda self: {"slot_ratio": 1.0, "tasks": 9, "jobs": 9}


def fit_in_parallel(visits):
    return naive.fit_in_parallel(visits)
"""
}
