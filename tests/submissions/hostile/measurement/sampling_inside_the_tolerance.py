"""The training leaves out a part of the rows, in the hope that the model stays within the tolerance."""

CELLS = {
    "fit_in_parallel": """\
from sparklimits.labs.lab0_measuring.naive import train


def fit_in_parallel(visits):
    return train(visits.sample(0.95, seed=1).repartition(2))
"""
}
