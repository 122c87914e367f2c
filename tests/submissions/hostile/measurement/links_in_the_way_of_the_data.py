"""Whoever writes the next data into this process's folder is led elsewhere by links, with the grader's own rights."""

CELLS = {
    "fit_in_parallel": """\
import os
import threading
from pathlib import Path

from sparklimits.labs.lab0_measuring import naive

TARGETS = ["@COURSE@/gradebook.db", "@COURSE@/submitted/neighbour/lab0_measuring/lab0_measuring.ipynb"]


def wait_for_data():
    here = Path.cwd()
    while True:
        for name in os.listdir(here):
            if name.startswith("data-"):
                for file, target in zip(("recorded.json", "visits.csv.gz"), TARGETS):
                    try:
                        os.symlink(target, here / name / file)
                    except OSError:
                        pass


threading.Thread(target=wait_for_data, daemon=True).start()


def fit_in_parallel(visits):
    return naive.fit_in_parallel(visits)
"""
}
