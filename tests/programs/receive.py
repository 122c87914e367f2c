"""Takes what one sender has, and answers with a byte when all of it is there: the other end of ``send.py``.

python receive.py
"""

from __future__ import annotations

import socket

PORT = 9999


def main() -> None:
    """Says when it listens, and ends after the first sender."""
    with socket.create_server(("0.0.0.0", PORT)) as server:
        print("listening", flush=True)
        connection, _ = server.accept()
        with connection:
            while connection.recv(65536):
                pass
            connection.sendall(b".")


if __name__ == "__main__":
    main()
