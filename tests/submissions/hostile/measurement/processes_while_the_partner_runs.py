"""Processes that left their parent keep all processors busy while the other way is measured."""

CELLS = {
    "fit_in_parallel": """\
import os
import subprocess
import sys

from sparklimits.labs.lab0_measuring import naive

BUSY = "import os, time\\nends = time.time() + 900\\nwhile time.time() < ends: pass  # @WORD@"


def fit_in_parallel(visits):
    found = naive.fit_in_parallel(visits)
    for _ in range(os.cpu_count()):
        subprocess.Popen([sys.executable, "-S", "-c", BUSY], start_new_session=True)
    return found
"""
}
