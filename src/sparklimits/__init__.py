"""The small library that the course's notebooks import: sessions, measurements, evidence and pictures."""

import contextlib
import os
import sys
from importlib.metadata import version


def _packages_first() -> None:
    """Makes what lies in the current folder the last place for imports: nobody's `pandas.py` stands in for pandas.

    Python and IPython look there before they look at packages. It is done here, in front of the first import of one.
    """
    here = {""}
    with contextlib.suppress(OSError):  # the folder may be gone
        here.add(os.getcwd())
    sys.path.sort(key=here.__contains__)


_packages_first()
__version__ = version("sparklimits")
