"""Ports of this machine that are free."""

from __future__ import annotations

import socket


def free_ports(count: int) -> list[int]:
    """So many of them, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return found
