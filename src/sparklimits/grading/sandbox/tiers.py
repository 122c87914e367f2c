"""Which sandbox this machine has: bubblewrap, else Landlock, each tried before it is trusted."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import cache

from sparklimits.errors import MachineError
from sparklimits.grading.sandbox import bubblewrap, groups, landlock, probe
from sparklimits.grading.sandbox.box import BUBBLEWRAP, LANDLOCK
from sparklimits.machine import messages

#: Without these a sandbox is none.
_LEAST = frozenset({"read", "write", "installed", "powers"})


@dataclass(frozen=True)
class Tier:
    """A sandbox that this machine has: its name, and what it lacks, a few words each."""

    name: str
    version: str
    held: tuple[str, ...]
    lacks: tuple[str, ...]

    def told(self) -> str:
        """A line for a report: which one, and what it does not keep away."""
        line = f"{self.name} {self.version}"
        if self.name != BUBBLEWRAP:
            line += ", reduced isolation"
        return f"{line}. It lacks: {'; '.join(self.lacks)}" if self.lacks else line


@cache
def found() -> tuple[Tier | None, str]:
    """The best sandbox of this machine that holds, and what a better one needs; tried once in each process."""
    if platform.system() != "Linux":
        return None, messages.tell("sandbox_of_linux", system=platform.system())
    tier, remedy = _with_bubblewrap()
    if tier is None and landlock.abi():
        tier = _of(LANDLOCK, f"ABI {landlock.abi()}", probe.tried(LANDLOCK))
    return tier, remedy


def require() -> Tier:
    """The best sandbox of this machine.

    Raises:
        MachineError: it has none; the message tells how to get one, and how to do without.
    """
    tier, remedy = found()
    if tier is None:
        raise MachineError(messages.tell("no_sandbox", remedy=remedy))
    return tier


def _with_bubblewrap() -> tuple[Tier | None, str]:
    if not bubblewrap.version():
        return None, messages.tell("bubblewrap_missing")
    findings = probe.tried(BUBBLEWRAP)
    tier = _of(BUBBLEWRAP, bubblewrap.version(), findings)
    if tier and len(findings.held) == len(probe.TRIALS):
        return tier, ""
    open_ways = [name for name in probe.TRIALS if name not in findings.held]
    reason = findings.reason or f"inside, these work: {', '.join(open_ways)}"
    return None, messages.tell("bubblewrap_refused", reason=reason.rstrip("."))


def _of(name: str, version: str, findings: probe.Findings) -> Tier | None:
    if not findings.held >= _LEAST:
        return None
    open_ways = [text for trial, text in _LACKING.items() if trial not in findings.held]
    if name == LANDLOCK:
        open_ways.append("sockets that have a path can be reached")
    held = [text for trial, text in probe.TRIALS.items() if trial in findings.held]
    return Tier(name, version, tuple(held), (*open_ways, *_unlimited()))


#: How it is told that a trial worked out.
_LACKING = {
    "network": "the network is open",
    "sockets": "sockets of other programs can be reached",
    "processes": "other processes can be seen",
}


def _unlimited() -> list[str]:
    """What no control group limits here."""
    group = groups.make(memory=10**9, processes=100)
    group.end()
    found = [] if "memory" in group.folders else ["memory is limited for each process alone"]
    # The other limit of processes does not hold for root.
    return found if "pids" in group.folders or os.geteuid() else [*found, "processes are not limited"]
