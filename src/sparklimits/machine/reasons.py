"""An error as one paragraph for its reader: what happened, what to do, and which line of the reader's own code it was.

The sentences stand in the table of messages. The whole story, all of Python's, Spark's and Java's words, is
:func:`story`; it is never lost, only folded away.
"""

from __future__ import annotations

import contextlib
import linecache
import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparklimits.errors import SparkLimitsError, in_one_line
from sparklimits.machine import faults, messages
from sparklimits.machine.messages import Message

_PACKAGE = str(Path(__file__).resolve().parents[1])
#: Where the error of a function that ran on an executor names its lines.
_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
#: The line of Python's account that names the error itself.
_ERROR = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Warning|Exit|Iteration|Interrupt)\b")
#: How a function that was read from a notebook or a file is called: see `sparklimits.grading.submission`.
_HANDED_IN = re.compile(r"<(?P<file>[^:>]+): (?P<cell>[^>]+)>")
_HIDDEN = "BEGIN HIDDEN TESTS"


@dataclass(frozen=True)
class Reason:
    """``told`` is what happened and what to do; ``where`` the line of the reader's own code, or nothing.

    ``kind`` is the error's class; of what an interrupt has led to, that of the interrupt.
    """

    told: str
    where: str = ""
    kind: type[BaseException] = Exception

    def __str__(self) -> str:
        return f"{self.told} {self.where}".rstrip()


def of(error: BaseException) -> Reason:
    """What to tell the reader of an error."""
    interrupted = any(isinstance(one, KeyboardInterrupt) for one in faults.chain(error))
    return Reason(_told(error), _where(error), KeyboardInterrupt if interrupted else type(error))


def is_long(error: BaseException) -> bool:
    """Whether Python's own account of the error would be long and beside the point: it is Spark's, or ours."""
    return any(
        _is_sparks(one)
        or isinstance(one, SparkLimitsError | KeyboardInterrupt)
        or _passed_through(one, _PACKAGE)
        or _passed_through(one, "py4j")
        for one in faults.chain(error)
    )


def story(error: BaseException) -> str:
    """All that Python, Spark and Java say of an error. Lines of hidden tests are left out: feedback shows this."""
    text = "".join(traceback.format_exception(error))
    for file in _cells():
        if _is_hidden(file):
            lines = rf'(  File "{re.escape(file)}", line \d+, in .*\n)(?:    .*\n)*'
            text = re.sub(lines, r"\1    (a test)\n", text)
    return text


def _is_hidden(file: str) -> bool:
    return any(_HIDDEN in line for line in linecache.getlines(file))


def _told(error: BaseException) -> str:
    chain = list(faults.chain(error))
    if any(isinstance(one, KeyboardInterrupt) for one in chain):
        return messages.tell("interrupted")
    if isinstance(error, SparkLimitsError):
        return str(error)
    if any(isinstance(one, ConnectionError) and _passed_through(one, "py4j") for one in chain):
        return messages.tell("ended")
    if fault := faults.of_the_machine(error):
        return fault
    for one in chain:
        condition = _ask(one, "getCondition") or ""
        for message in _about_functions():
            if message.fits(_said(one)) or condition.startswith(message.conditions or ("\0",)):
                return message.told(**_values(message, one))
    if spark := next((one for one in chain if _is_sparks(one)), None):
        return messages.tell("refused", reason=_clean(in_one_line(spark)))
    said = " ".join(_said(error).split())[:600].rstrip(" .:;")
    return f"{type(error).__name__}: {said or 'it says no more'}."


def _about_functions() -> Iterator[Message]:
    return (one for one in messages.every().values() if one.group == "your_code")


def _values(message: Message, error: BaseException) -> dict[str, str]:
    """What fills the places of a message: Spark's parameters, without its back quotes, and its own words."""
    given: Mapping[str, str] = _ask(error, "getMessageParameters") or {}
    values = dict.fromkeys(message.places, "")
    if "traceback" in given:
        values["reason"] = _last_words(given["traceback"])
    elif "reason" in message.places:
        values["reason"] = _clean(in_one_line(error))
    for place, names in message.sources.items():
        found = next((given[name] for name in names if name in given), "")
        # Spark quotes names in its own ways; where the sentence has quotes already, they go.
        values[place] = found.strip("[]\"'`" if f"`{{{place}}}`" in message.see + message.do else "[]")
    return values


def _last_words(trace: str) -> str:
    """The error at the end of Python's account, with the first line of what it says."""
    lines = trace.strip().splitlines()
    line = next((line for line in reversed(lines) if _ERROR.match(line)), lines[-1])
    name, colon, said = line.partition(": ")
    return f"{name.split('.')[-1]}{colon}{said}"[:400].rstrip(" .:;")


def _clean(text: str) -> str:
    """The first line of Spark's words, without the name and the number of its error."""
    line = (text.strip().splitlines() or [""])[0]
    line = re.sub(r"^\[[A-Z_.]+\] ", "", line)
    line = re.sub(r";? ?SQLSTATE: \w+.*$", "", line)
    line = re.split(r"\. (?=[A-Z])", line)[0]  # what Spark advises further is seldom what a lab wants
    # The name of a class of Java, or of Python, with the way to it.
    line = re.sub(r"^(?:[a-z_]\w*\.)+(\w+(?:Error|Exception))\b", r"\1", line)
    return line[:300].rstrip(" .:;")


def _where(error: BaseException) -> str:
    """The innermost line of the reader's own code: in Spark's words about it, else in Python's."""
    for one in faults.chain(error):
        for context in _ask(one, "getQueryContext") or ():
            with contextlib.suppress(Exception):  # Spark does not know every kind of context's place
                file, _, line = str(context.callSite()).rpartition(":")
                if place := _place(file, int(line)):
                    return place
        told = (_ask(one, "getMessageParameters") or {}).get("traceback", "")
        for file, line in reversed(_FRAME.findall(told)):
            if place := _place(file, int(line)):
                return place
    for one in faults.chain(error):
        frames = list(traceback.walk_tb(one.__traceback__))
        for frame, number in reversed(frames):
            if place := _place(frame.f_code.co_filename, number):
                return place
    return ""


def _place(file: str, line: int) -> str:
    """A line of the reader's own code: of a cell of this kernel, or of a file that was handed in."""
    if handed_in := _HANDED_IN.fullmatch(file):
        cell = "" if handed_in["file"] == handed_in["cell"] else f"cell {handed_in['cell']}, "
        return f"({handed_in['file']}, {cell}line {line}.)"
    if (number := _cells().get(file)) is None:
        return ""
    code = "" if _is_hidden(file) else linecache.getline(file, line).strip()
    return f"(Cell [{number}], line {line}{': ' + code if code else ''})"


def _cells() -> Mapping[str, int]:
    """The numbers of this kernel's cells by the names of their code; none outside of IPython."""
    import sys

    if "IPython" not in sys.modules:
        return {}
    from IPython import get_ipython

    shell = get_ipython()  # type: ignore[no-untyped-call]
    return {} if shell is None else shell.compile._filename_map


def _is_sparks(error: BaseException) -> bool:
    return type(error).__module__.split(".")[0] in ("pyspark", "py4j") or "CONTEXT_ONLY_VALID" in _said(error)


def _passed_through(error: BaseException, folder: str) -> bool:
    return any(folder in frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__))


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # an error of Java asks a Java that may be gone
        return ""


def _ask(error: BaseException, method: str) -> Any:
    """What Spark's own errors answer; nothing for others, and where Java is gone."""
    try:
        return getattr(error, method)()
    except Exception:
        return None
