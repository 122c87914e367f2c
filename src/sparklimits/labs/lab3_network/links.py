"""Seconds from bytes: what measured bytes and rounds cost on links that this machine does not have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Links:
    """The network of a cluster: ``machines``, each with a link of so many ``gigabits`` in a second.

    ``latency_ms`` is the time of one message without content, there and back, in milliseconds. ``oversubscription``
    is that of the switches above the racks: with 4, all machines of a rack together get a quarter of what their own
    links could send.
    """

    machines: int
    gigabits: float
    latency_ms: float = 0.2
    oversubscription: float = 1.0

    def seconds(self, shuffled_bytes: float, rounds: int = 1, broadcast_bytes: float = 0.0) -> float:
        """Seconds for a shuffle of so many bytes in all, made in so many ``rounds`` that wait for each other.

        Of what a machine writes, all but its own share leaves it; all links work at the same time. Each round waits
        for one message more. A broadcast of tables of so many bytes goes to every machine once. Machines pass its
        blocks on to each other, so that at best it takes as long as one machine needs to receive them.

        Raises:
            ValueError: no machines, or no bandwidth.
        """
        if self.machines < 1 or self.gigabits <= 0 or self.oversubscription < 1:
            raise ValueError(
                "machines, gigabits and oversubscription must be at least 1, more than 0, at least 1"
            )
        leaving = shuffled_bytes / self.machines * (self.machines - 1) / self.machines
        bytes_a_second = self.gigabits * 1e9 / 8 / self.oversubscription
        return (leaving + broadcast_bytes) / bytes_a_second + rounds * self.latency_ms / 1e3
