"""What answers at an address may be any program."""

from __future__ import annotations

import socket
import threading

import pytest

from sparklimits.machine import web
from sparklimits.spark import executors


def test_a_program_that_does_not_speak_http_is_an_os_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"220 mail ready\r\n")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(OSError, match="BadStatusLine"):
            web.get(f"http://127.0.0.1:{server.getsockname()[1]}/json/", timeout=5)


@pytest.mark.parametrize("page", [b"[]", b"null", b"{}", b"<html>", b"\xff", b'{"aliveworkers": null}'])
def test_another_programs_page_counts_no_workers(page: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "get", lambda address, timeout: page)
    assert executors.alive_workers("spark://somewhere:7077") is None
