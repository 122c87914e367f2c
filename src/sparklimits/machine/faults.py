"""Whose fault is an error? What the machine did, told from what a program did wrong.

An error on the way of a student's function need not be the student's: the disk may be full, an executor may have been
killed, Spark itself may be gone. Which it is follows from where the error comes from: the operating system's number of
it, or the sentence in which Java, Spark or py4j pass it on. Both stand in the table of messages.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator

from sparklimits.machine import messages
from sparklimits.machine.messages import Message

#: The groups of messages that name a fault of the machine.
_GROUPS = ("machine", "spark")


def of_the_machine(error: BaseException) -> str | None:
    """What is wrong with the machine and what to do, in two sentences; nothing when the error is not the machine's."""
    for one in chain(error):
        said = str(one)
        # An executor whose own Java had no room left: the work was too large for the memory that the lab gives,
        # which is no fault of the machine.
        if messages.every()["heap_full"].fits(said):
            return None
        number = errno.errorcode.get(one.errno or 0, "") if isinstance(one, OSError) else ""
        found = next((fault for fault in _faults() if number in fault.errors or fault.fits(said)), None)
        if found is not None:
            return found.told()
    return None


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those that it came from, the newest first."""
    seen: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in seen:
        yield one
        seen.append(one)
        one = one.__cause__ or one.__context__


def _faults() -> Iterator[Message]:
    return (one for one in messages.every().values() if one.group in _GROUPS)
