"""Every check of the lab is made to find nothing, and the result is empty."""

CELLS = {
    "fit_in_parallel": """\
import pandas as pd

from sparklimits.labs import find
from sparklimits.labs.lab0_measuring import judges, oracle
from sparklimits.measurement import bars
from sparklimits.measurement.lab import Quality

oracle.check_fit = lambda found, course: Quality()
bars.counter_share = lambda value, good, bad: 1.0
judges.judge_ratios = judges.judge_causes = lambda solution, asked: pd.DataFrame({"wrong": [0]})
for one in find("lab0_measuring").exercises:
    object.__setattr__(one, "check", lambda found, course: Quality())


def fit_in_parallel(visits):
    visits.count()
    return pd.DataFrame({"weight": [0.0]})
"""
}
