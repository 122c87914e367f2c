"""The labs, a folder each: ``labN_name`` holds a package whose ``LAB`` is the lab's row of the table.

The folders are found by their names, and a lab is imported when it is asked for: a command that needs none loads none.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from typing import TYPE_CHECKING

from sparklimits.errors import SparkLimitsError
from sparklimits.machine import messages

if TYPE_CHECKING:
    from sparklimits.measurement.lab import Lab

#: Three hints for a function, in Markdown: a question; where to look; a neighbouring problem, solved.
Rungs = tuple[str, str, str]


def ids() -> list[str]:
    """The labs there are, in their order."""
    return sorted(one.name for one in pkgutil.iter_modules(__path__) if re.fullmatch(r"lab\d+_\w+", one.name))


def find(lab_id: str) -> Lab:
    """The lab with this id.

    Raises:
        SparkLimitsError: there is no such lab; the message lists those there are.
    """
    if lab_id not in ids():
        raise SparkLimitsError(messages.tell("no_lab", name=repr(lab_id), labs=", ".join(ids())))
    lab: Lab = importlib.import_module(f"{__name__}.{lab_id}").LAB
    return lab


def hints(lab_id: str) -> dict[str, Rungs]:
    """The hints for each function of a lab: the ``HINTS`` that stand beside its ``LAB``."""
    found: dict[str, Rungs] = getattr(importlib.import_module(f"{__name__}.{lab_id}"), "HINTS", {})
    return found


def every() -> list[Lab]:
    """All labs, in their order."""
    return [find(lab_id) for lab_id in ids()]
