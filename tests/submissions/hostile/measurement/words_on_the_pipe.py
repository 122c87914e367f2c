"""A function looks for the pipe of its process, and writes an answer of its own there."""

CELLS = {
    "fit_in_parallel": """\
import json
import os
import struct

import pandas as pd


def fit_in_parallel(visits):
    visits.count()
    task = {"stage": 1, "executor": "0", "start": 0.0, "seconds": 1.0, "input_records": 9, "read_records": 9,
            "written_records": 9, "read_bytes": 9, "remote_bytes": 9, "written_bytes": 9, "memory_spilled": 0,
            "disk_spilled": 0, "gc_seconds": 0.0, "result_bytes": 0}
    told = json.dumps({"counters": {"jobs": 1, "forgotten": 0, "other": {}, "tasks": [task, task]}, "bytes": 0})
    for number in range(3, 60):
        try:
            os.write(number, struct.pack(">I", len(told)) + told.encode())
        except OSError:
            pass
    return pd.DataFrame({"weight": [0.0]})
"""
}
