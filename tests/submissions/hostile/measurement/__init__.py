"""Attacks around the measurement: on the clock, the counters, the data and the truth."""
