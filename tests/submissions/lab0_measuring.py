"""Lab 0, half fixed and wrong."""

#: One of the three functions fixed, one half right: the speedup, with the quantile of a normal distribution.
HALF = {
    "prediction": "my_prediction = 2",
    "questions": "jobs_of_the_fit = 3\ntasks_in_each_stage = 2",
    "fit_in_parallel": """\
from sparklimits.labs.lab0_measuring.naive import train


def fit_in_parallel(visits):
    return train(visits.repartition(4))
""",
    "ratio": """\
import numpy as np


def ratio(baseline, candidate):
    logs = np.log(np.array(baseline) / np.array(candidate))
    half = 1.96 * np.std(logs) / np.sqrt(len(logs))
    return np.exp(logs.mean()), np.exp(logs.mean() - half), np.exp(logs.mean() + half)
""",
}

#: Fast and wrong: a tenth of the visits, the quotient of the means, one cause for everything.
WRONG = {
    "prediction": "my_prediction = 2",
    "fit_in_parallel": """\
from sparklimits.labs.lab0_measuring.naive import train


def fit_in_parallel(visits):
    return train(visits.sample(0.1, seed=1).repartition(2))
""",
    "ratio": """\
def ratio(baseline, candidate):
    speedup = sum(baseline) / sum(candidate)
    return speedup, 0.9 * speedup, 1.1 * speedup
""",
    "bottleneck": """\
def bottleneck(counters):
    return "spill"
""",
}
