"""Ports, and the interface that processes of one machine meet on."""

from __future__ import annotations

import socket


def free_port(host: str) -> int:
    """A port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def loopback(host: str) -> str | None:
    """The interface behind ``host`` when that is this machine's own 127.…; nothing for any other host.

    Gloo and TensorPipe look up the machine's name otherwise, and not every machine can resolve its own.
    """
    if not socket.gethostbyname(host).startswith("127."):
        return None
    return next(name for _, name in socket.if_nameindex() if name in ("lo", "lo0"))
