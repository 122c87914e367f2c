"""Sends bytes to ``receive.py``; prints the seconds until it answers that all are there.

python send.py ADDRESS BYTES
"""

from __future__ import annotations

import socket
import sys
import time

PORT = 9999


def main() -> None:
    """The connection is there before the clock starts."""
    address, count = sys.argv[1], int(sys.argv[2])
    with socket.create_connection((address, PORT)) as connection:
        began = time.monotonic()
        connection.sendall(bytes(count))
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)
        print(time.monotonic() - began)


if __name__ == "__main__":
    main()
