"""What this machine can do for a batch: cores for each slot, memory, its sandbox."""

from __future__ import annotations

import math
import os
import platform

from sparklimits.errors import SparkLimitsError
from sparklimits.grading.sandbox import tiers
from sparklimits.machine import limits
from sparklimits.machine.scale import CLOCKED, scale_from_environment

#: What a lab wants: cores, and bytes of memory.
CORES, MEMORY = 2, 6 * 10**9


def described() -> str:
    """This machine in a line: its name, what the kernel grants here, the isolation tier.

    Raises:
        MachineError: there is no sandbox.
    """
    return (
        f"{platform.node()}: {limits.cores():g} cores, {limits.memory().granted / 1e9:.1f} GB of memory; "
        f"sandbox: {tiers.require().told()}"
    )


def shares(slots: int) -> list[tuple[int, ...]]:
    """The cores of each slot: no two slots have one in common.

    Raises:
        SparkLimitsError: there are not enough for so many slots.
    """
    cores = sorted(os.sched_getaffinity(0))
    most = max(1, math.floor(min(len(cores), limits.cores())) // CORES)
    if not 1 <= slots <= most:
        raise SparkLimitsError(
            f"--slots {slots} does not fit: a lab is measured on {CORES} cores of its own, and this machine grants "
            f"{limits.cores():g}. Use at most {most}."
        )
    each = len(cores) // slots
    return [tuple(cores[slot * each : (slot + 1) * each]) for slot in range(slots)]


def remarks(slots: int) -> list[str]:
    """What this machine, or its settings, is not fit for."""
    found = []
    if limits.cores() < CORES:
        found.append(
            f"A lab wants {CORES} cores, and there are {limits.cores():g}: speedups are too small here."
        )
    if limits.memory().granted < slots * MEMORY:
        found.append(
            f"A lab wants {MEMORY / 1e9:g} GB of memory, and {slots} at a time have "
            f"{limits.memory().granted / 1e9:.1f} GB together: processes may be ended for lack of it."
        )
    if scale_from_environment() < CLOCKED:
        found.append(
            f"SPARKLIMITS_SCALE is {scale_from_environment():g}: below {CLOCKED:g} the speed is not judged, and the "
            "verdict stays inconclusive."
        )
    return found
