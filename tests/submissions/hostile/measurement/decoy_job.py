"""The naive way, and after it a job of no use whose tasks have even shares: the last stage is the one that counts."""

CELLS = {
    "fit_in_parallel": """\
from sparklimits.labs.lab0_measuring import naive


def fit_in_parallel(visits):
    found = naive.fit_in_parallel(visits)
    visits.repartition(2).foreach(lambda row: None)
    return found
"""
}
