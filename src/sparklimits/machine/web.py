"""Pages of programs on this machine or beside it, asked for directly: never through a proxy.

``http_proxy`` is set on many campus and company machines, often without a ``no_proxy``. A proxy cannot reach this
machine's own 127.0.0.1, nor a container's name.
"""

from __future__ import annotations

import http.client
import json
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(address: str, timeout: float) -> bytes:
    """What a page answers within so many seconds.

    Raises:
        OSError: nothing answers there, or something that does not speak HTTP, or with an error of HTTP
            (``urllib.error.HTTPError``, which has its ``code``).
        ValueError: this is no address.
    """
    try:
        with _direct.open(address, timeout=timeout) as answer:
            return bytes(answer.read())
    except http.client.HTTPException as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


class Connection:
    """One connection to a server, for many questions; each carries the same headers.

    Raises:
        OSError: nothing answers at the address.
        ValueError: this is no address.
    """

    def __init__(self, address: str, headers: Mapping[str, str] | None = None, timeout: float = 30.0) -> None:
        parts = urlsplit(address)
        self._headers = dict(headers or {})
        if not parts.hostname:
            raise ValueError(f"{address!r} is no address")
        self._http = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
        self._http.connect()

    def close(self) -> None:
        """Ends the connection."""
        self._http.close()

    def json(self, path: str) -> Any:
        """What the server answers; nothing when it says that there is no such page (404).

        Raises:
            OSError: it does not answer, or with another error.
            ValueError: the answer is no JSON.
        """
        try:
            self._http.request("GET", path, headers=self._headers)
            answer = self._http.getresponse()
            body = answer.read()
        except http.client.HTTPException as error:
            raise OSError(f"{type(error).__name__}: {error}") from error
        if answer.status == http.client.NOT_FOUND:
            return None
        if answer.status != http.client.OK:
            raise OSError(f"{answer.status} {answer.reason}")
        return json.loads(body)
