"""The function that makes points is replaced in the package, for everybody who imports it."""

CELLS = {
    "prediction": """\
from sparklimits import notebook
from sparklimits.measurement import bars

my_prediction = None
points = notebook.points = bars.points = lambda share, most: float(most)
"""
}
