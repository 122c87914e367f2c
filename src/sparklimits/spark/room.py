"""Room for a cluster on this machine: asked before it starts, so that nothing is killed later."""

from __future__ import annotations

from sparklimits.errors import MachineError
from sparklimits.machine import limits, messages, paths
from sparklimits.spark.constraints import Constraints

_MB = 2**20
#: What a Java takes beside its heap, and what the Python processes of a lab take together, MB.
_BESIDE_HEAP, _PYTHON = 250, 600
#: Less than this beside the heaps, MB, is too little even for a small lab.
_LEAST_BESIDE = 400
#: Processes and threads of a lab; the addresses that one Java reserves, bytes; the files that it has open.
PROCESSES, ADDRESSES, FILES = 600, 6 * 10**9, 1024


def wanted(constraints: Constraints) -> int:
    """Bytes of memory that a lab uses when its executors and its driver have filled their heaps."""
    javas = constraints.executors + 1
    return (_heaps(constraints) + javas * _BESIDE_HEAP + _PYTHON) * _MB


def least(constraints: Constraints) -> int:
    """Bytes of memory without which such a cluster does not start."""
    return (_heaps(constraints) + _LEAST_BESIDE) * _MB


def require(constraints: Constraints) -> None:
    """Does nothing when a cluster for these constraints fits; prints one line when it may be too much just now.

    Raises:
        MachineError: it cannot fit into what the kernel grants.
    """
    memory = limits.memory()
    if memory.granted < (needed := least(constraints)):
        raise MachineError(
            messages.tell("memory_too_small", needed=needed / 1e9, by=memory.by, granted=memory.granted / 1e9)
        )
    if (left := limits.processes()) is not None and left < PROCESSES:
        raise MachineError(messages.tell("processes_too_few", needed=PROCESSES, left=left))
    if (addresses := limits.address_space()) is not None and addresses < ADDRESSES:
        raise MachineError(
            messages.tell("addresses_too_few", needed=ADDRESSES / 1e9, granted=addresses / 1e9)
        )
    if memory.free < wanted(constraints):
        name = "memory_short_other_lab" if paths.others() else "memory_short"
        print(messages.tell(name, free=memory.free / 1e9, needed=wanted(constraints) / 1e9))


def _heaps(constraints: Constraints) -> int:
    """MB of all heaps together."""
    return constraints.executors * constraints.memory_mb + constraints.driver_memory_mb
