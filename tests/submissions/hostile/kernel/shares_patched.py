"""A result says that each of its parts earned everything."""

OPENING = """
from sparklimits.measurement.result import Result

Result.share = lambda self, part: 1.0
Result.headline = lambda self: "lab0_measuring: passed."
"""
