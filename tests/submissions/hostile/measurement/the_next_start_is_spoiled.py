"""A killed process is started again in its folder: what lies there keeps it from starting, and nobody is to blame."""

CELLS = {
    "fit_in_parallel": """\
import os
import shutil
import signal
import tempfile
from pathlib import Path


def fit_in_parallel(visits):
    for place in {Path.home(), Path(tempfile.gettempdir())}:
        if place.is_relative_to(Path.cwd()):
            os.rename(place, f"{place}-away")
            place.write_text("no folder")
    os.kill(os.getpid(), signal.SIGKILL)
"""
}
