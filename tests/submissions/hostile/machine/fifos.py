"""Pipes without a writer lie beside the notebook, and are made where the grader may read: it is to wait for ever."""

import os
from pathlib import Path

OPENING = """
import os
from pathlib import Path

for name in ("lab0_measuring.ipynb", ".kernel.log", "lab0_measuring.html", "results.json", ".result"):
    try:
        if os.path.lexists(name):
            os.remove(name)
        os.mkfifo(name)
    except OSError as error:
        print(name, error)
"""


def place(file: Path, course: Path) -> None:
    """Puts pipes beside the notebook."""
    for name in ("data.csv", "helpers.py", "lab0_measuring.html"):
        os.mkfifo(file.parent / name)
