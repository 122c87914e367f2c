"""Whose fault an error is: by the operating system's number, or by the sentence that Java and Spark pass on."""

from __future__ import annotations

import errno

import pytest

from sparklimits.machine.faults import of_the_machine


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full. Free some space"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "Your quota of disk space is used up."),
        (OSError(errno.EFBIG, "File too large"), "A file became larger than this machine lets you write."),
        (OSError(errno.EROFS, "Read-only file system"), "The disk cannot be written."),
        (OSError(errno.EMFILE, "Too many open files"), "Too many files are open. Raise the limit (`ulimit -n 4096`)"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "The machine is out of memory."),
        (RuntimeError("java.io.IOException: No space left on device\n\tat sun.nio…"), "The disk is full."),
        (RuntimeError("…ExecutorLostFailure (executor 0 exited …): Command exited with code 137"), "An executor was lost."),  # noqa: E501
        (RuntimeError("SparkException: Python worker exited unexpectedly (crashed)"), "A process of an executor was killed."),  # noqa: E501
        (RuntimeError("unable to create native thread: possibly out of memory"), "The machine starts no further process."),  # noqa: E501
        (RuntimeError("all workers of spark://m:7077 are gone; start the cluster again"), "The cluster has no workers"),
        (caused(ValueError("could not collect"), OSError(errno.ENOSPC, "No space left")), "The disk is full."),
    ],
)  # fmt: skip
def test_what_the_machine_did_is_named_with_its_remedy(error: Exception, says: str) -> None:
    found = of_the_machine(error)
    assert found is not None
    assert says in found


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no such column"),
        FileNotFoundError(errno.ENOENT, "No such file or directory"),
        MemoryError(),
        RuntimeError("java.lang.OutOfMemoryError: Java heap space"),
        RuntimeError("ExecutorLostFailure (executor 1 exited …): Command exited with code 52"),
        ConnectionRefusedError(errno.ECONNREFUSED, "a service of the student's own"),
    ],
)
def test_what_a_function_did_is_not_the_machines(error: Exception) -> None:
    assert of_the_machine(error) is None
