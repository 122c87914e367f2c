"""What this machine has, what the labs lack on it, and how to get that: in three parts, the last one a real trial."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from sparklimits.display.progress import Progress
from sparklimits.student import doctor_environment, doctor_machine, doctor_report, doctor_trial
from sparklimits.student.findings import Finding, table


def doctor(trial: bool = False, as_json: bool = False, report: bool = False) -> int:
    """Prints what was found; 0 when the labs can run on this machine, 1 otherwise.

    ``trial`` starts a cluster and works on it for a minute. ``as_json`` prints one object instead of the table.
    ``report`` writes a file that holds the same without names or paths of the person.
    """
    parts: dict[str, list[Finding]] = {
        "machine": doctor_machine.findings(),
        "environment": doctor_environment.findings(),
    }
    if not as_json:
        for part, found in parts.items():
            print(f"The {part}\n{table(found)}\n")
    if trial:
        parts["trial"] = _tried(as_json)
    lacking = [one.name for found in parts.values() for one in found if one.ok is False]
    said = {"ok": not lacking, **{part: [asdict(one) for one in found] for part, found in parts.items()}}
    if as_json:
        print(json.dumps(said, indent=1))
    elif lacking:
        print(f"The labs cannot run yet: see {', '.join(lacking)}.")
    else:
        print(
            "The labs can run."
            if trial
            else "The labs can run. `sparklimits doctor --try` tries it, for a minute."
        )
    if report and not as_json:
        print(f"{doctor_report.write(said)} holds this without your name or paths: read it, then send it.")
    elif report:
        doctor_report.write(said)
    return 1 if lacking else 0


def _tried(quiet: bool) -> list[Finding]:
    if not quiet:
        print("The trial")
    found = []
    with Progress("trial") as progress:
        for one in _shown(doctor_trial.findings(progress), quiet):
            found.append(one)
    if not quiet:
        print()
    return found


def _shown(findings: Iterable[Finding], quiet: bool) -> Iterable[Finding]:
    for one in findings:
        if not quiet:
            print(table([one]), flush=True)
        yield one
