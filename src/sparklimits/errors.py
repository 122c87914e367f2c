"""Errors a reader of the course can meet. Each message says what is wrong and what to do about it."""


class SparkLimitsError(Exception):
    """Base of every error this package raises on purpose."""


class MachineError(SparkLimitsError):
    """The machine lacks something: Java, disk space, a reachable cluster."""


class DataError(SparkLimitsError):
    """A data file is missing, damaged, or not in the stated format."""


class SubmissionError(SparkLimitsError):
    """A notebook or a file handed in cannot be used: unreadable, a cell missing, another version."""


class CandidateError(SparkLimitsError):
    """A function that a student wrote raised an error, or returned something that is not a result.

    ``function`` is the function's name.
    """

    def __init__(self, function: str, message: str) -> None:
        super().__init__(f"{function}: {message}")
        self.function = function
