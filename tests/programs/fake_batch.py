"""``sparklimits grade`` whose grading processes are the fake ones: ``fake_batch.py SUBMITTED JSON [SCHEDULER]``."""

import os
import sys
from pathlib import Path

from sparklimits.errors import SparkLimitsError
from sparklimits.grading.batch import command, fitness, machine, process, tasks

process.COMMAND = (sys.executable, os.environ["FAKE_GRADER"])
machine.described = lambda: "a machine; sandbox: some"
machine.shares = lambda slots: [()] * slots
fitness.measured = lambda gain, cores=(): fitness.of([0.0] * 30, gain)
tasks.conditions_of = lambda lab: "1.0"
try:
    sys.exit(command.grade(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if sys.argv[3:] else None, 2))
except SparkLimitsError as error:
    sys.exit(str(error))
