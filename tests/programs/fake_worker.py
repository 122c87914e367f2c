"""Loaded into each worker of a Dask cluster: its grading process is the fake one, which ``FAKE_GRADER`` names."""

import os
import sys

from sparklimits.grading.batch import fitness, machine, process

process.COMMAND = (sys.executable, os.environ["FAKE_GRADER"])
machine.described = lambda: "a worker's machine; sandbox: some"
fitness.measured = lambda gain, cores=(): fitness.of([0.0] * 30, gain)
