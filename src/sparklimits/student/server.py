"""What the course adds to Jupyter's server: Spark's page behind its login, a Validate that blocks nothing, terminals.

Jupyter loads it wherever the course is installed (``etc/jupyter/jupyter_server_config.d/sparklimits.json``).
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from nbgrader.server_extensions.validate_assignment.handlers import NbGraderVersionHandler

from sparklimits.spark import guard
from sparklimits.student.spark_page import SparkPage
from sparklimits.student.validation import Validate

#: Shells that read what follows ``-c`` as POSIX says.
_POSIX = ("sh", "bash", "dash", "ksh", "zsh")


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "sparklimits.student.server"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    """Adds the course's pages, and tells the kernels and terminals that this server starts what they need."""
    base = server.web_app.settings["base_url"]
    os.environ[guard.PAGES] = url_path_join(base, guard.PATH)
    os.environ["PATH"] = with_our_commands(os.environ.get("PATH", os.defpath))
    terminals = server.web_app.settings.get("terminal_manager")
    if terminals is not None:
        terminals.shell_command = with_path_kept(terminals.shell_command)
    server.web_app.settings.setdefault("root_dir", server.root_dir)  # where nbgrader's handler looks it up
    server.web_app.add_handlers(
        ".*$",
        [
            (url_path_join(base, guard.PATH, r"([0-9a-f]+)(/.*)?"), SparkPage),
            (url_path_join(base, "assignments/validate"), Validate),
            (url_path_join(base, "nbgrader_version"), NbGraderVersionHandler),
        ],
    )


def with_our_commands(path: str) -> str:
    """``PATH`` with the folder of ``sparklimits`` and of this Python first."""
    ours = str(Path(sys.executable).parent)
    return os.pathsep.join([ours, *(folder for folder in path.split(os.pathsep) if folder != ours)])


def with_path_kept(command: list[str]) -> list[str]:
    """A terminal's command, so that it finds ``sparklimits`` also after a login, which sets ``PATH`` anew.

    Jupyter starts a login shell where it was not itself started from a terminal: on every hub.
    """
    if len(command) != 2 or command[1] != "-l" or Path(command[0]).name not in _POSIX:
        return command
    ours, shell = shlex.quote(str(Path(sys.executable).parent)), shlex.quote(command[0])
    return [*command, "-c", f'PATH={ours}:"$PATH"; export PATH; exec {shell}']
