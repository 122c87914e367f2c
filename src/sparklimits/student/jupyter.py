"""Opens JupyterLab: on the student's folder, or on the course's for an instructor. On a hub, as the user's server."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import webbrowser
from importlib import resources
from pathlib import Path

from jupyter_core.paths import jupyter_config_dir

from sparklimits.errors import SparkLimitsError
from sparklimits.machine import environment, jupyter_files, messages
from sparklimits.machine.paths import project_root
from sparklimits.student import workspace

#: Seconds within which a server that ends by itself has not started.
_START = 120


def open_lab(arguments: list[str]) -> int:
    """Runs JupyterLab in ``work/``, without nbgrader's tools for instructors, until it is stopped; its exit code.

    A port in use is no trouble: JupyterLab takes the next free one. Where there is no browser its address is
    printed.

    Raises:
        SparkLimitsError: there are no labs here, or no folder for the student's copies.
    """
    work = workspace.prepare()
    if work != project_root() / "work":
        print(f"Your copies of the labs are in {work}.", flush=True)
    return _run(work, ["student", "both"], arguments)


def open_teach(arguments: list[str]) -> int:
    """The same in the course's folder: solutions, *Create Assignment* and the formgrader.

    Raises:
        SparkLimitsError: there are no solutions here.
    """
    root = project_root()
    if not (root / "solutions").is_dir():
        raise SparkLimitsError(messages.tell("no_solutions", folder=root / "solutions"))
    return _run(root, ["both"], arguments)


def _run(folder: Path, settings: list[str], arguments: list[str]) -> int:
    jupyter_files.put(Path(sys.prefix))
    # -P: what lies in that folder, a `code.py` say, is no part of JupyterLab.
    command = [sys.executable, "-P", "-m", *_program(), "--ServerApp.root_dir", str(folder)]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    began = time.monotonic()
    try:
        code = subprocess.call([*command, *arguments], cwd=folder, env=_environment(settings))
        if code > 0 and time.monotonic() - began < _START and (theirs := _own_settings()):
            print(messages.tell("jupyter_settings", folder=theirs), flush=True)
            with tempfile.TemporaryDirectory() as none:
                code = subprocess.call(
                    [*command, *arguments], cwd=folder, env=_without(theirs, none, _environment(settings))
                )
        return code
    except KeyboardInterrupt:
        return 0


def _own_settings() -> Path | None:
    """The folder with this user's settings of Jupyter's server, if there are any."""
    folder = Path(jupyter_config_dir())
    found = [*folder.glob("jupyter*_config.*"), *folder.glob("jupyter*_config.d/*")]
    return folder if found or "JUPYTER_CONFIG_PATH" in os.environ else None


def _without(theirs: Path, none: str, variables: dict[str, str]) -> dict[str, str]:
    """The variables of a server that reads a folder without settings; JupyterLab looks as its user has chosen."""
    ours = variables["JUPYTER_CONFIG_PATH"].removeprefix(os.environ.get("JUPYTER_CONFIG_PATH", ""))
    return {
        "JUPYTERLAB_SETTINGS_DIR": str(theirs / "lab" / "user-settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(theirs / "lab" / "workspaces"),
        **variables,
        "JUPYTER_CONFIG_DIR": none,
        "JUPYTER_CONFIG_PATH": ours.removeprefix(os.pathsep),
    }


def _program() -> list[str]:
    """JupyterLab with its own browser; or the server of a hub's user, which a hub starts and opens."""
    if os.environ.get("JUPYTERHUB_API_TOKEN"):
        return ["jupyterhub.singleuser"]
    if _has_browser():
        return ["jupyterlab"]
    print("There is no browser here: open the address below that starts with http://127.0.0.1.", flush=True)
    return ["jupyterlab", "--no-browser"]


def _environment(settings: list[str]) -> dict[str, str]:
    """The server's variables; its kernels and terminals get them too.

    The kernels find the labs in the project whatever folder they run in. Jupyter reads our settings before the user's
    own, and kernels of this environment before those in the user's home.
    """
    ours = [str(resources.files("sparklimits") / "resources" / "jupyter" / name) for name in settings]
    theirs = os.environ.get("JUPYTER_CONFIG_PATH")
    return {
        **{
            name: value for name, value in os.environ.items() if name != "JUPYTERLAB_DIR"
        },  # another one's parts
        "SPARKLIMITS_HOME": str(project_root()),
        "JUPYTER_CONFIG_PATH": os.pathsep.join([*([theirs] if theirs else []), *ours]),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PYTHONPATH": environment.python_path(),
        "PYTHONOPTIMIZE": "",  # with 2, JupyterLab lacks texts that it reads, and does not start
    }


def _has_browser() -> bool:
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
