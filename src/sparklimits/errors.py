"""Errors a reader of the course can meet. Each message says what is wrong and what to do about it."""


class SparkLimitsError(Exception):
    """Base of every error this package raises on purpose."""


class MachineError(SparkLimitsError):
    """The machine lacks something, or failed: Java, disk space, a reachable cluster, Spark's page.

    ``during`` names the function that ran when it failed, if one did.
    """

    during = ""


class DataError(SparkLimitsError):
    """A data file is missing, damaged, or not in the stated format."""


class SubmissionError(SparkLimitsError):
    """A notebook or a file handed in cannot be used: unreadable, a cell missing, another version."""


class WorkLeftRunningError(SparkLimitsError):
    """A piece of work returned while a job of Spark that it had started still ran."""


class CandidateError(SparkLimitsError):
    """A function that a student wrote raised an error, or returned something that is not a result.

    ``function`` is the function's name. An error that came from another process brings its ``story`` with it, and
    whether it would come ``on_any_rows``.
    """

    story = ""
    on_any_rows: bool | None = None

    def __init__(self, function: str, message: str) -> None:
        super().__init__(f"{function}: {message}")
        self.function = function


#: What Spark says when the kernel has killed a Python worker, or an executor (128 and the signal's number, 9).
_KILLED = ("Python worker exited unexpectedly", "exit code 137", "exit status 137", "exited with code 137")
#: So begins, in an error that comes through py4j, one that is no exception: no memory was left, say.
_OF_THE_JVM = ": java.lang."


def in_one_line(error: BaseException) -> str:
    """What an error says, in one line; of an error that came from Java, its own reason."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    # Where the error comes through py4j, the first line only says so; the exceptions of Java follow. One that was
    # waited for is not the reason either.
    line = next(
        (
            line
            for line in lines
            if line.startswith(_OF_THE_JVM) or ("Exception: " in line and "awaitResult" not in line)
        ),
        lines[0],
    )
    reason = line.removeprefix(_OF_THE_JVM).split("Exception: ")[-1][:400]
    if any(sign in str(error) for sign in _KILLED):
        reason = f"{reason.rstrip('.')}. A process was killed: most likely its machine was out of memory."
    return reason
