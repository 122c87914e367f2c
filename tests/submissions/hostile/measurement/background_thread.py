"""The work goes on after the function has returned."""

CELLS = {
    "fit_in_parallel": """\
import threading
import time

import pandas as pd

from sparklimits.labs.lab0_measuring import naive


def fit_in_parallel(visits):
    context = visits.sparkSession.sparkContext
    late = context.parallelize([30, 30], 2).map(time.sleep)
    threading.Thread(target=late.count, daemon=True).start()
    return naive.fit_in_parallel(visits)
"""
}
