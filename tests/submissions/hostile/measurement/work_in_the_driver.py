"""The rows come to the driver, and NumPy does the work there, after a job that keeps both executors busy for show."""

CELLS = {
    "fit_in_parallel": """\
import pandas as pd

from sparklimits.labs.lab0_measuring import oracle


def fit_in_parallel(visits):
    return pd.DataFrame({"weight": oracle.exact_weights(visits.repartition(2).toPandas())})
"""
}
