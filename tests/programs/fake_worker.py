"""Loaded into each worker of a Dask cluster: its grading process is the fake one."""

import sys
from pathlib import Path

from sparklimits.grading.batch import machine, process

process.COMMAND = (sys.executable, str(Path(__file__).with_name("fake_grader.py")))
machine.described = lambda: "a worker's machine; sandbox: some"
