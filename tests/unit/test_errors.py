"""What an error says in one line."""

from __future__ import annotations

import pytest

from sparklimits.errors import in_one_line

CALL = "An error occurred while calling o71.collectToPython.\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{CALL}: java.lang.OutOfMemoryError: Java heap space\n\tat A", "OutOfMemoryError: Java heap space"),
        (f"{CALL}: org.apache.spark.SparkException: Job aborted.\n\tat org.apache.spark.A", "Job aborted."),
        (f"{CALL}: java.lang.RuntimeException: org.apache.spark.SparkException: No.", "No."),
        (
            f"{CALL}: a.SparkException: Exception thrown in awaitResult:\nCaused by: java.io.IOException: Gone",
            "Gone",
        ),
        ("a plain one\nwith a second line", "a plain one"),
        ("", "ValueError"),
    ],
)  # fmt: skip
def test_an_error_of_java_gives_its_own_reason(text: str, said: str) -> None:
    assert in_one_line(ValueError(text)) == said


def test_a_killed_worker_is_named() -> None:
    assert "out of memory" in in_one_line(RuntimeError("Exception: Command exited with code 137"))
