"""What a lab asks of its cluster: how many executors, how much memory, and which settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Machines:
    """What a lab asks of containers that stand for machines, beyond its other constraints.

    ``cpus`` is the share of a core that each worker may use, ``memory_mb`` what it may lend to executors. ``mbit``
    are the rates of the links, megabits a second: one for all workers, or one for each rack, and the workers belong
    to the racks in turn. ``latency_ms`` is how much later everything arrives that a machine sends, milliseconds.
    """

    workers: int = 4
    cpus: float = 0.5
    memory_mb: int = 2048
    mbit: tuple[float, ...] = (100.0,)
    latency_ms: float = 0.0


@dataclass(frozen=True)
class Constraints:
    """What a lab asks of its cluster.

    ``settings`` are Spark settings that the lab needs to be visible at class size; each one departs from
    Spark's default, so each has its reason in ``reasons`` (same keys), which the lab shows to its reader.
    """

    executors: int = 2
    cores: int = 1
    memory_mb: int = 1024
    driver_memory_mb: int = 1024
    settings: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    machines: Machines = Machines()

    @property
    def slots(self) -> int:
        """Tasks that run at the same time on the embedded cluster."""
        return self.executors * self.cores
