"""Which cluster a session is for: the embedded one, that of containers, or any other master that is named."""

from __future__ import annotations

import os
import re
import socket

from sparklimits.errors import MachineError
from sparklimits.machine import messages
from sparklimits.spark.constraints import Constraints


def backend() -> str:
    """``embedded``, ``docker`` inside the containers, or the master that ``SPARKLIMITS_MASTER`` names."""
    return os.environ.get("SPARKLIMITS_BACKEND") or os.environ.get("SPARKLIMITS_MASTER") or "embedded"


def address(constraints: Constraints) -> str:
    """The master's address, as Spark wants it.

    Raises:
        MachineError: ``SPARKLIMITS_MASTER`` names none, or one that does not answer.
    """
    master = os.environ.get("SPARKLIMITS_MASTER") or "embedded"
    if master == "embedded":
        return f"local-cluster[{constraints.executors},{constraints.cores},{constraints.memory_mb}]"
    if match := re.fullmatch(r"spark://([^:/]+):(\d+)", master):
        host, port = match[1], int(match[2])
        try:
            socket.create_connection((host, port), timeout=5).close()
        except OSError as error:
            told = messages.tell("master_silent", master=master, host=host, port=port, reason=error)
            raise MachineError(told) from error
    elif not re.match(r"(local(\[.*\]|-cluster\[.*\])?$|yarn$|k8s://)", master):
        raise MachineError(messages.tell("master_unknown", master=repr(master)))
    return master
