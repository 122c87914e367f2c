"""Whose fault is an error? What the machine did, told from what a program did wrong.

An error on the way of a student's function need not be the student's: the disk may be full, an executor may have been
killed, Spark itself may be gone. Which it is follows from where the error comes from: the operating system's number of
it, or the sentence in which Java, Spark or py4j pass it on.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator

_DISK = "Free some space, or set SPARKLIMITS_TMP to a folder on another disk, and run again"
_SESSION = "Restart the kernel and run the notebook from the top"
_EXECUTOR = "Close what else uses memory on this machine, and run again"

#: The operating system's numbers of faults, what each means, and what to do.
_NUMBERS = {
    errno.ENOSPC: ("the disk is full", _DISK),
    errno.EDQUOT: ("your quota of disk space is used up", _DISK),
    errno.EFBIG: ("a file became larger than this machine lets you write", _DISK),
    errno.EROFS: ("the disk cannot be written", _DISK),
    errno.EIO: ("the disk failed", _DISK),
    errno.EMFILE: ("too many files are open", "Raise the limit (`ulimit -n 4096`), and run again"),
    errno.ENFILE: ("too many files are open on this machine", "Close other programs, and run again"),
    errno.ENOMEM: ("the machine is out of memory", _EXECUTOR),
    errno.EAGAIN: ("the machine starts no further process", "Raise the limit (`ulimit -u`), and run again"),
}

#: Sentences by which Java, Spark and py4j pass a fault on: all parts of a key must stand in what an error says.
_SENTENCES = {
    ("No space left on device",): _NUMBERS[errno.ENOSPC],
    ("Disk quota exceeded",): _NUMBERS[errno.EDQUOT],
    ("File too large",): _NUMBERS[errno.EFBIG],
    ("Read-only file system",): _NUMBERS[errno.EROFS],
    ("Input/output error",): _NUMBERS[errno.EIO],
    ("Stale file handle",): ("the disk failed", _DISK),
    ("Too many open files",): _NUMBERS[errno.EMFILE],
    ("Cannot allocate memory",): _NUMBERS[errno.ENOMEM],
    ("unable to create native thread",): _NUMBERS[errno.EAGAIN],
    ("Resource temporarily unavailable",): _NUMBERS[errno.EAGAIN],
    ("ExecutorLostFailure",): ("an executor was lost", _EXECUTOR),
    ("Executor heartbeat timed out",): ("an executor was lost", _EXECUTOR),
    ("Python worker exited unexpectedly",): ("a process of an executor was killed", _EXECUTOR),
    ("all workers of", "are gone"): ("the cluster has no workers any more", "Start the cluster again"),
    ("Answer from Java side is empty",): ("Spark has ended", _SESSION),
    ("An error occurred while trying to connect to the Java server",): ("Spark has ended", _SESSION),
    ("SparkContext was shut down",): ("Spark has ended", _SESSION),
    ("stopped SparkContext",): ("Spark has ended", _SESSION),
}
#: What an executor's loss is called when its own Java had no room left (Spark's exit code 52): the work was too large
#: for the memory that the lab gives, which is no fault of the machine.
_TOO_LARGE = ("exited with code 52", "exit code 52", "OutOfMemoryError: Java heap space")


def of_the_machine(error: BaseException) -> str | None:
    """What is wrong with the machine and what to do, in two sentences; nothing when the error is not the machine's."""
    for one in _chain(error):
        said = str(one)
        if any(sign in said for sign in _TOO_LARGE):
            return None
        found = _NUMBERS.get(one.errno or 0) if isinstance(one, OSError) else None
        if found is None:
            found = next(
                (it for signs, it in _SENTENCES.items() if all(sign in said for sign in signs)), None
            )
        if found is not None:
            return f"{found[0][0].upper()}{found[0][1:]}. {found[1]}."
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those that it came from, the newest first."""
    seen: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in seen:
        yield one
        seen.append(one)
        one = one.__cause__ or one.__context__
