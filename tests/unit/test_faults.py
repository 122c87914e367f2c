"""Whose fault an error is: by the operating system's number, or by the sentence that Java and Spark pass on."""

from __future__ import annotations

import errno

import pytest

from sparklimits.errors import MachineError
from sparklimits.labs.lab0_measuring import judges
from sparklimits.machine.faults import of_the_machine

shows = pytest.mark.shows


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "says"),
    [
        pytest.param(OSError(errno.ENOSPC, "No space left on device"), "The disk is full. Free some space", marks=shows("disk_full")),  # noqa: E501
        pytest.param(OSError(errno.EDQUOT, "Disk quota exceeded"), "Your quota of disk space is used up.", marks=shows("quota")),  # noqa: E501
        pytest.param(OSError(errno.EFBIG, "File too large"), "A file became larger than this machine lets you write.", marks=shows("file_too_large")),  # noqa: E501
        pytest.param(OSError(errno.EROFS, "Read-only file system"), "The disk cannot be written.", marks=shows("disk_read_only")),  # noqa: E501
        pytest.param(OSError(errno.EMFILE, "Too many open files"), "Too many files are open. Raise the limit (`ulimit -n 4096`)", marks=shows("files_open")),  # noqa: E501
        pytest.param(OSError(errno.ENOMEM, "Cannot allocate memory"), "The machine is out of memory.", marks=shows("out_of_memory")),  # noqa: E501
        (RuntimeError("java.io.IOException: No space left on device\n\tat sun.nio…"), "The disk is full."),
        pytest.param(RuntimeError("…ExecutorLostFailure (executor 0 exited …): Command exited with code 137"), "An executor was lost.", marks=shows("executor_lost")),  # noqa: E501
        pytest.param(RuntimeError("SparkException: Python worker exited unexpectedly (crashed)"), "A process of an executor was killed.", marks=shows("worker_killed")),  # noqa: E501
        pytest.param(RuntimeError("unable to create native thread: possibly out of memory"), "The machine starts no further process.", marks=shows("no_more_processes")),  # noqa: E501
        pytest.param(RuntimeError("all workers of spark://m:7077 are gone; start the cluster again"), "The cluster has no workers", marks=shows("workers_gone")),  # noqa: E501
        pytest.param(OSError(errno.EIO, "Input/output error"), "The disk failed.", marks=shows("disk_failed")),
        pytest.param(OSError(errno.ENFILE, "Too many"), "Too many files are open on this machine.", marks=shows("files_open_everywhere")),  # noqa: E501
        pytest.param(RuntimeError("Py4JNetworkError: Answer from Java side is empty"), "Spark has ended.", marks=shows("ended")),  # noqa: E501
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


def test_a_machine_that_fails_while_a_function_is_asked_makes_no_answer_wrong() -> None:
    def dies(*values: object) -> object:
        raise MachineError("no memory")

    with pytest.raises(MachineError, match="no memory"):
        judges.judge_ratios(dies, [([1.0, 2.0], [1.0, 2.0])])
    with pytest.raises(MachineError, match="no memory"):
        judges.judge_causes(dies, [{"job": "a", "cause": "skew", "counters": {}}])
