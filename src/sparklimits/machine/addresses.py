"""Ports, and the interface on which processes meet."""

from __future__ import annotations

import socket
import struct
import sys


def free_port(host: str) -> int:
    """A port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def interface(host: str) -> str | None:
    """The interface of this machine that leads to ``host``; nothing where it cannot be told.

    Gloo and TensorPipe look up the machine's own name otherwise. Not every machine can resolve it, and one with two
    networks may be told the address that the others do not reach.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))  # sends nothing
        own = probe.getsockname()[0]
    names = [name for _, name in socket.if_nameindex()]
    if own.startswith("127."):
        return next(name for name in names if name in ("lo", "lo0"))
    return next((name for name in names if _address(name) == own), None)


def _address(name: str) -> str | None:
    """The IPv4 address of an interface, by Linux's SIOCGIFADDR (netdevice(7))."""
    if sys.platform != "linux":
        return None
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(probe.fileno(), 0x8915, struct.pack("256s", name.encode()[:15]))
        except OSError:  # it has none
            return None
    return socket.inet_ntoa(answer[20:24])
