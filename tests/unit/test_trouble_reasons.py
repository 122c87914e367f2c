"""Reasons reach the reader: an error of any kind is one paragraph with the line of the reader's own code."""

from __future__ import annotations

import errno
import linecache
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sparklimits import cli
from sparklimits.errors import CandidateError, MachineError
from sparklimits.machine import crash, reasons
from sparklimits.measurement.calls import collected, whatever_the_rows
from sparklimits.measurement.lab import Bar, Exercise, Quality

shows = pytest.mark.shows
#: What an executor's Python says, as Spark passes it on.
TRACE = (
    'Traceback (most recent call last):\n  File "/tmp/ipykernel_7/12.py", line 2, in <lambda>\n    x[9]\n'
    '  File "/usr/lib/python3/pandas/core/frame.py", line 4119, in __getitem__\nIndexError: list index out of range\n'
)


class CapturedError(Exception):
    """An error as pyspark makes it of Java's: recorded conditions, parameters and words."""

    __module__ = "pyspark.errors.exceptions.captured"

    def __init__(self, words: str, condition: str = "", **parameters: str) -> None:
        super().__init__(words)
        self._condition, self._parameters = condition, parameters

    def getCondition(self) -> str:  # noqa: N802 - pyspark's name
        return self._condition

    def getMessageParameters(self) -> dict[str, str]:  # noqa: N802
        return self._parameters


@pytest.mark.parametrize(
    ("error", "says"),
    [
        pytest.param(
            CapturedError("[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column … `itm` …\n'Project ['itm]\n+- Relation",
                     "UNRESOLVED_COLUMN.WITH_SUGGESTION", objectName="`itm`", proposal="`ts`, `item_id`"),
            "There is no column `itm` here. There are `ts`, `item_id`: correct the name", marks=shows("column_unknown"),
        ),
        pytest.param(
            CapturedError("…", "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", objectName="`itm`"),
            "the table has no columns at all here", marks=shows("column_of_nothing"),
        ),
        pytest.param(
            CapturedError("…", "AMBIGUOUS_REFERENCE", name="`user_id`", referenceNames="[`user_id`, `user_id`]"),
            '`user_id` could be more than one column. Join with `on=["user_id"]`', marks=shows("column_ambiguous"),
        ),
        pytest.param(
            CapturedError("…", "ATTRIBUTE_NOT_SUPPORTED", attr_name="item_ix"),
            "neither a column nor a method `item_ix`", marks=shows("attribute_unknown"),
        ),
        pytest.param(
            CapturedError("…", "MISSING_AGGREGATION", expression='"rating"', expressionAnyValue='"any_value(rating)"'),
            "`rating` is neither grouped by nor aggregated. Group by it too", marks=shows("not_aggregated"),
        ),
        pytest.param(
            CapturedError("…", "CANNOT_CONVERT_COLUMN_INTO_BOOL", column="a"),
            "Write `&`, `|` and `~`", marks=shows("column_as_bool"),
        ),
        pytest.param(
            CapturedError("[CAST_INVALID_INPUT] The value 'a' cannot be cast to \"INT\" because it is malformed. Use …",
                     "CAST_INVALID_INPUT"),
            "The types do not fit: The value 'a' cannot be cast to \"INT\" because it is malformed. Convert with",
            marks=shows("types_differ"),
        ),
        pytest.param(
            CapturedError("…", "TABLE_OR_VIEW_NOT_FOUND", relationName="`nowhere`", searchPath="[…]"),
            'There is no table `nowhere` for SQL. Name it first: `table.createOrReplaceTempView("nowhere")`',
            marks=shows("table_unknown"),
        ),
        pytest.param(
            CapturedError("…", "PARSE_SYNTAX_ERROR", error="'selct'", hint=""),
            "Spark's SQL cannot be read at `selct`", marks=shows("sql_syntax"),
        ),
        pytest.param(
            CapturedError("…", "PATH_NOT_FOUND", path="file:/nowhere"), "There is no file file:/nowhere",
            marks=shows("file_unknown"),
        ),
        pytest.param(
            CapturedError("…", "PYTHON_EXCEPTION", msg="…", traceback=TRACE),
            "Your Python function failed on an executor: IndexError: list index out of range. Try it",
            marks=shows("raised_on_executor"),
        ),
        pytest.param(
            RuntimeError("Could not serialize object: PySparkRuntimeError: [CONTEXT_ONLY_VALID_ON_DRIVER] It appears"),
            "uses `spark`, or a table of Spark. Collect what it needs before", marks=shows("spark_on_executor"),
        ),
        pytest.param(
            CapturedError("…: Total size of serialized results is bigger than spark.driver.maxResultSize"),
            "The result is too large for the driver", marks=shows("result_too_large"),
        ),
        pytest.param(
            CapturedError("ExecutorLostFailure (executor 1 exited …): Command exited with code 52"),
            "A task had more data than its executor has memory for", marks=shows("heap_full"),
        ),
        pytest.param(
            CapturedError("[SPARK_JOB_CANCELLED] Job 5 cancelled as part of …", "SPARK_JOB_CANCELLED"),
            "The jobs of this cell were cancelled", marks=shows("cancelled"),
        ),
        pytest.param(
            CapturedError("An error … o1.x.\n: java.lang.IllegalStateException: Unread block\n\tat a"),
            "Spark did not do this: Unread block. The whole story", marks=shows("refused"),
        ),
        (CapturedError("An error … o1.x.\n: java.io.IOException: No space left on device"), "The disk is full."),
        (KeyError("x"), "KeyError: 'x'."),
        (MachineError("The disk under / has 3 MB left."), "The disk under / has 3 MB left."),
    ],
)  # fmt: skip
def test_an_error_is_one_paragraph(error: Exception, says: str) -> None:
    told = str(reasons.of(error))
    assert says in told
    assert "\n" not in told
    assert "\tat " not in told
    assert len(told) < 400


def cell(monkeypatch: pytest.MonkeyPatch, code: str, name: str = "/tmp/ipykernel_7/12.py") -> dict[str, Any]:
    """Runs the code as cell 12 of a kernel; what it has defined."""
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    monkeypatch.setattr(reasons, "_cells", lambda: {name: 12})
    defined: dict[str, Any] = {}
    exec(compile(code, name, "exec"), defined)
    return defined


def raised(work: Callable[[], object]) -> BaseException:
    try:
        work()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def test_the_line_is_the_innermost_of_the_readers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import json\ndef inner(text):\n    return json.loads(text)\ndef outer():\n    return inner('{')\n"
    error = raised(cell(monkeypatch, code)["outer"])
    assert reasons.of(error).where == "(Cell [12], line 3: return json.loads(text))"


def test_an_executors_line_is_that_of_the_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    cell(monkeypatch, "def f(x):\n    x[9]\n")
    error = CapturedError("…", "PYTHON_EXCEPTION", traceback=TRACE)
    assert reasons.of(error).where == "(Cell [12], line 2: x[9])"


@pytest.mark.parametrize(
    ("last", "says"),
    [
        ("KeyError: 'a: [b]'", "KeyError: 'a: [b]'"),
        ("ValueError: two lines:\n  the second\nand a third", "ValueError: two lines"),
        ("a.b.PySparkRuntimeError: [RESULT_COLUMN_NAMES_MISMATCH] The columns do not match. Missing: id.",
         "PySparkRuntimeError: [RESULT_COLUMN_NAMES_MISMATCH] The columns do not match. Missing: id."),
        ("StopIteration", "StopIteration."),
    ],
)  # fmt: skip
def test_the_error_of_an_executor_keeps_its_words(last: str, says: str) -> None:
    trace = f'Traceback (most recent call last):\n  File "x.py", line 1, in f\n    g()\n{last}\n'
    told = str(reasons.of(CapturedError("…", "PYTHON_EXCEPTION", traceback=trace)))
    assert f"failed on an executor: {says.rstrip('.')}. Try it" in told


def test_a_file_that_was_handed_in_is_named_with_its_cell() -> None:
    code = compile("def odd(x):\n    return y\n", "<ann.ipynb: odd>", "exec")
    defined: dict[str, Any] = {}
    exec(code, defined)
    error = raised(lambda: defined["odd"](1))
    assert reasons.of(error).where == "(ann.ipynb, cell odd, line 2.)"


def test_the_whole_story_is_whole_but_for_hidden_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    def deep(left: int) -> None:
        deep(left - 1) if left else {}["the key"]

    story = reasons.story(raised(lambda: deep(30)))
    assert "KeyError: 'the key'" in story
    assert "deep(left - 1)" in story
    code = "### BEGIN HIDDEN TESTS\nassert 1 == 47_293\n### END HIDDEN TESTS\n"
    error = raised(lambda: cell(monkeypatch, code))
    assert "47_293" not in reasons.story(error)
    assert "(a test)" in reasons.story(error)
    assert "47_293" not in str(reasons.of(error))


def test_a_connection_of_the_readers_own_is_not_sparks() -> None:
    assert "Spark" not in str(reasons.of(ConnectionRefusedError(errno.ECONNREFUSED, "refused")))


def exercise(solution: Callable[..., Any]) -> CandidateError:
    one = Exercise("odd", solution, (), Bar("tasks", 1, 2), lambda found, data: Quality())
    error = raised(lambda: collected(one, solution, {}))
    assert isinstance(error, CandidateError)
    return error


@pytest.mark.shows("not_a_table")
def test_no_table_is_told_as_that() -> None:
    assert str(exercise(lambda: None)) == (
        "odd: The function returned None, which is no table. End it with `return` and a table of Spark or pandas."
    )
    assert "a value of the kind `int`" in str(exercise(lambda: 3))

    class Column:
        def __getattr__(self, name: str) -> Column:
            return self

    assert "a value of the kind `Column`" in str(exercise(Column))


def test_only_an_error_that_any_rows_would_meet_counts_on_a_few() -> None:
    assert whatever_the_rows(exercise(lambda: None))
    assert whatever_the_rows(exercise(lambda: undefined))  # type: ignore[name-defined]  # noqa: F821
    assert not whatever_the_rows(exercise(lambda: 1 / 0))
    assert not whatever_the_rows(exercise(lambda: None + 1))  # type: ignore[operator]


# The commands


def command(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    def doctor(*_: object) -> int:
        raise error

    monkeypatch.setattr("sparklimits.student.doctor.doctor", doctor)
    return cli.main(["doctor"])


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full."),
        pytest.param(PermissionError(errno.EACCES, "no", "/course/work"), "You may not use /course/work.",
                     marks=shows("no_permission")),
        pytest.param(FileNotFoundError(errno.ENOENT, "no", "/course/x"), "There is no /course/x.",
                     marks=shows("no_file")),
        pytest.param(ModuleNotFoundError("No module named 'scipy'", name="scipy"), "The package scipy is missing.",
                     marks=shows("no_package")),
    ],
)  # fmt: skip
def test_a_known_error_of_a_command_has_its_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, says: str
) -> None:
    assert command(monkeypatch, error) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"sparklimits: {says}")
    assert len(told.splitlines()) == 1


@pytest.mark.shows("unknown")
def test_the_whole_story_of_an_unknown_error_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("SPARKLIMITS_TMP", str(tmp_path / "own"))
    assert command(monkeypatch, RuntimeError("a slip of ours")) == 1
    told = capsys.readouterr().err
    log = tmp_path / "own" / crash.LOG
    assert (
        f"An error that has no sentence yet: RuntimeError: a slip of ours. The whole story is in {log}."
        in told
    )
    assert "sparklimits doctor --report" in told
    assert "Traceback" not in told
    assert "Traceback" in log.read_text()
    assert "in doctor" in log.read_text()


def test_where_nothing_can_be_written_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SPARKLIMITS_TMP", str(tmp_path / "file" / "own"))
    monkeypatch.setattr(crash.tempfile, "gettempdir", lambda: str(tmp_path / "file"))
    assert command(monkeypatch, RuntimeError("x")) == 1
    assert "Its story could not be kept" in capsys.readouterr().err


def test_an_interrupt_of_a_command_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "sparklimits: stopped\n"


def test_a_reader_that_has_gone_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    program = (
        "import sys; from sparklimits import cli; from sparklimits.student import doctor; "
        "doctor.doctor = lambda *_: print('x' * 100_000) or 0; sys.exit(cli.main(['doctor']))"
    )
    done = subprocess.run([sys.executable, "-c", program], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("sign", ["3.1×", "Gr\udcf6\udcdfer"], ids=["a sign", "a file's name"])
def test_a_result_is_not_lost_by_a_terminal_that_cannot_show_it(sign: str) -> None:
    program = (
        "import sys; from sparklimits import cli; from sparklimits.student import doctor; "
        f"doctor.doctor = lambda *_: print({sign!a}) or 0; sys.exit(cli.main(['doctor']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode("ascii").strip() == sign.encode("ascii", "backslashreplace").decode()
