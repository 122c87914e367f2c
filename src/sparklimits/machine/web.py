"""Pages of programs on this machine or beside it, asked for directly: never through a proxy.

``http_proxy`` is set on many campus and company machines, often without a ``no_proxy``. A proxy cannot reach this
machine's own 127.0.0.1, nor a container's name.
"""

from __future__ import annotations

import urllib.request

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(address: str, timeout: float) -> bytes:
    """What a page answers within so many seconds.

    Raises:
        OSError: nothing answers there, or with an error of HTTP (``urllib.error.HTTPError``, which has its ``code``).
        ValueError: this is no address.
    """
    with _direct.open(address, timeout=timeout) as answer:
        return bytes(answer.read())
