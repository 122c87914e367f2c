"""Spark's page as Jupyter's server shows it: at ``sparklimits/spark/NAME/``, to its own user."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyter_server.utils import url_path_join
from jupyter_server_proxy.handlers import ProxyHandler, RewritableResponse
from tornado import httputil, web

from sparklimits.spark import guard

_ENDED = (
    "This session of Spark has ended. Run the notebook from the top again: the link under its first cells leads to "
    "the new page."
)
_LOGS = re.compile(rb"http://(?:127\.0\.0\.1|localhost):(\d{1,5})/logPage")


class SparkPage(ProxyHandler):
    """Hands Spark's page on, with the token that the page wants and the path under which the browser sees it.

    Spark makes its links from ``X-Forwarded-Context``. The path must not contain ``/proxy/``: the scripts of the page
    take what follows that for the name of an application, and show no executors.
    """

    SUPPORTED_METHODS = ("GET",)  # the page is read; its buttons that end jobs are switched off

    async def http_get(self, name: str, path: str) -> None:
        """One page, picture or script."""
        await self._hand_on(name, path)

    async def open(self, name: str, path: str) -> None:
        """Spark's page has no websockets."""
        self.close()

    async def _hand_on(self, name: str, path: str | None) -> None:
        if not path:
            self.redirect(url_path_join(self.base_url, guard.PATH, name, "/"))
            return
        try:
            told = json.loads(guard.file_of(name).read_text("utf-8"))
            host, port = str(told["host"]), int(told["port"])
        except (OSError, ValueError, KeyError, TypeError):
            raise web.HTTPError(404, _ENDED) from None
        self.proxy_base, top = guard.PATH + name, guard.PATH + name
        if worker := re.fullmatch(r"/worker/(\d{1,5})(/.*)", path):
            port, path = int(worker[1]), worker[2]
            self.proxy_base = f"{top}/worker/{port}"
        if belongs_to_another(port):
            raise web.HTTPError(404, _ENDED)
        self._told_headers: dict[str, str] = told["headers"]
        self.host_allowlist = [host]
        context = url_path_join(self.base_url, top, "worker").encode()
        self.rewrite_response = [lambda response: _lead_to_logs(response, context)]
        await self.proxy(host, port, path)

    def proxy_request_headers(self) -> httputil.HTTPHeaders:
        """The browser's headers without what logs it in here, and with what the page wants to see."""
        headers = super().proxy_request_headers()
        for unwanted in ("Cookie", "Authorization", "Accept-Encoding"):  # the last one: a page is looked into
            headers.pop(unwanted, None)
        headers.update(self._told_headers)
        return headers

    def _rewrite_location_header(self, location: str, host: str, port: int, proxied_path: str) -> str:
        # Spark redirects to a whole address, made from the name under which it was asked.
        place = urlsplit(location)
        if place.netloc in (self.request.host, f"{host}:{port}"):
            location = place._replace(scheme="", netloc="").geturl()
        return str(super()._rewrite_location_header(location, host, port, proxied_path))

    def write_error(self, status_code: int, **details: Any) -> None:
        """An error as one sentence: the page's port answers nobody any more, most of all."""
        error = details.get("exc_info", (None, None))[1]
        known = isinstance(error, web.HTTPError) and status_code == 404
        self.set_status(status_code if known else 502)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(_ENDED)


def _lead_to_logs(response: RewritableResponse, context: bytes) -> None:
    """The logs of executors lie with the workers, each on a page of its own: those links come here too."""
    if response.headers.get("Content-Type", "").startswith(("text/html", "application/json")):
        response.body = _LOGS.sub(rb"%b/\1/logPage" % context, response.body or b"")


def belongs_to_another(port: int) -> bool:
    """Whether a program of another user listens at this port: it was free again, and is not Spark any more.

    Known on Linux alone, and for this machine; elsewhere no is the answer.
    """
    owners: set[int] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:  # 0A: it listens
                owners.add(int(fields[7]))
    return bool(owners) and os.getuid() not in owners
