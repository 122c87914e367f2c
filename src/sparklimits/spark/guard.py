"""Spark's page is for its own user: it answers nobody else on the machine, and JupyterLab shows it to that user.

The page listens at a port, and a port is open to every user of a shared machine. So Spark's own filter refuses what
does not carry a token (JSON Web Signature, RFC 7515). The token stands in a file that only this user can read, and
Jupyter's server hands the page on with it (:mod:`sparklimits.student.server`). A browser asks Jupyter's server alone:
one address and one login, on a hub, through ssh, in a container and on a laptop.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from jupyter_core.paths import jupyter_runtime_dir

#: Where Jupyter's server, which sets it, shows the pages of Spark: a path that begins and ends with a slash.
PAGES = "SPARKLIMITS_PAGES"
#: The same below the address of a Jupyter server.
PATH = "sparklimits/spark/"
_FILTER = "org.apache.spark.ui.JWSFilter"


def pages() -> str:
    """The path of Spark's pages on Jupyter's server; empty where there is no such server, as in a terminal."""
    if found := os.environ.get(PAGES):
        return found
    # A hub starts the server in an environment of its own making; this much of it reaches the kernel anyhow.
    hub = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
    return f"{hub.rstrip('/')}/{PATH}" if hub else ""


def wanted() -> bool:
    """Whether the page is to be closed to others.

    Not where a person reads it who has no Jupyter server that would hand it on: a notebook in VS Code. And not under
    YARN, whose own proxy hands it on, and would be refused.
    """
    if os.environ.get("SPARKLIMITS_MASTER", "").startswith("yarn"):
        return False
    return bool(pages()) or not _in_notebook()


def write(configuration: Path) -> None:
    """Adds the filter and its key to Spark's configuration folder: on a command line, `ps` would show them."""
    # A job can be ended by a mere link, which another site may hold: the buttons for it go too.
    lines = (
        f"spark.ui.filters {_FILTER}\nspark.{_FILTER}.param.secretKey {_base64(_key())}\n"
        "spark.ui.killEnabled false\n"
    )
    defaults = configuration / "spark-defaults.conf"
    before = defaults.read_text("utf-8") if defaults.is_file() else ""
    if before and not before.endswith("\n"):
        before += "\n"
    _write_private(defaults, before + (lines if wanted() else ""))


def headers() -> dict[str, str]:
    """What a request for the page must carry."""
    return {"Authorization": f"Bearer {_token()}"} if wanted() else {}


def share(address: str) -> None:
    """Tells this user's Jupyter server where the page is: ``http://HOST:PORT``."""
    if pages():
        place = urlsplit(address)
        told = {"host": place.hostname, "port": place.port, "headers": headers()}
        with contextlib.suppress(OSError):  # a full home folder costs the link, not the lab
            _write_private(file_of(_name()), json.dumps(told))


def unshare() -> None:
    """Takes back what :func:`share` told."""
    with contextlib.suppress(OSError):
        file_of(_name()).unlink(missing_ok=True)


def link() -> str:
    """The page's path on Jupyter's server, which stays the same while this process lives; empty without a server."""
    return f"{pages()}{_name()}/jobs/" if pages() else ""


def file_of(name: str) -> Path:
    """Where a page is told: in the folder of Jupyter's connection files, which is its user's alone."""
    return Path(jupyter_runtime_dir()) / f"sparklimits-{name}.json"


@cache
def _name() -> str:
    return secrets.token_hex(6)


@cache
def _key() -> bytes:
    return secrets.token_bytes(32)


@cache
def _token() -> str:
    signed = ".".join(
        _base64(json.dumps(part).encode()) for part in ({"alg": "HS256"}, {"sub": "sparklimits"})
    )
    return f"{signed}.{_base64(hmac.digest(_key(), signed.encode(), hashlib.sha256))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _write_private(file: Path, text: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as output:
        output.write(text)
    unfinished.replace(file)


def _in_notebook() -> bool:
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None
