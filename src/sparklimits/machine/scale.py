"""How large the data are: ``SPARKLIMITS_SCALE``, and what holds at which size."""

from __future__ import annotations

import os

from sparklimits.errors import SparkLimitsError
from sparklimits.machine import messages

#: From this scale on the bars for speed hold: on less data the fixed costs of a job hide the gain.
CLOCKED = 0.8
#: Up to this scale nothing is about seconds, and a session that is ready soon is worth more than fast code.
SMALL = 0.2


def scale_from_environment() -> float:
    """``SPARKLIMITS_SCALE``, which multiplies the data; 1 when it is not set.

    Raises:
        SparkLimitsError: it is not a positive number.
    """
    text = os.environ.get("SPARKLIMITS_SCALE", "1")
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not scale > 0:
        raise SparkLimitsError(messages.tell("scale", value=repr(text)))
    return scale
