"""What was found on a machine, a line each, with the remedy where something is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sparklimits.errors import SparkLimitsError, in_one_line


@dataclass(frozen=True)
class Finding:
    """One line: ``ok`` is None for what the labs can do without, ``remedy`` may be empty."""

    name: str
    ok: bool | None
    found: str
    remedy: str = ""


def tried(name: str, look: Callable[[], Finding]) -> Finding:
    """What a look finds. One that fails is a finding too: a table with a hole in it helps nobody."""
    try:
        return look()
    except SparkLimitsError as error:
        return Finding(name, False, "does not work", str(error))
    except Exception as error:
        return Finding(name, None, f"cannot be told: {type(error).__name__}: {in_one_line(error)}")


def table(findings: Iterable[Finding]) -> str:
    """The lines, one under the other."""
    lines = []
    for one in findings:
        mark = {True: "ok", False: "MISSING", None: "-"}[one.ok]
        lines.append(f"{mark:8}{one.name:17}  {one.found}")
        if one.remedy:
            lines.append(f"{'':27}-> {one.remedy}")
    return "\n".join(lines)
