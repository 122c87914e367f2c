"""Opens JupyterLab on the student's folder."""

from __future__ import annotations

import os
import subprocess
import sys
import webbrowser
from importlib import resources

from sparklimits.machine import environment
from sparklimits.machine.paths import project_root
from sparklimits.student import workspace


def open_lab(arguments: list[str]) -> int:
    """Runs JupyterLab in ``work/`` until it is stopped; returns its exit code.

    A port in use is no trouble: JupyterLab takes the next free one. Where there is no browser its address is
    printed.
    """
    work = workspace.prepare()
    if work != project_root() / "work":
        print(f"The course's folder is shared: your copies of the labs are in {work}.", flush=True)
    options = [] if _has_browser() else ["--no-browser"]
    if options:
        print(
            "There is no browser here: open the address below that starts with http://127.0.0.1.", flush=True
        )
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")
    # The kernels find the labs, and put their temporary files, in the project whatever folder they run in.
    variables = {
        **os.environ,
        "SPARKLIMITS_HOME": str(project_root()),
        "JUPYTER_CONFIG_PATH": _settings(),
        "PYTHONPATH": environment.python_path(),
    }
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.root_dir", str(work), *options, *arguments]
    try:
        return subprocess.call(command, cwd=work, env=variables)
    except KeyboardInterrupt:
        return 0


def _settings() -> str:
    """Where JupyterLab looks for settings besides the student's own; ours keep it from asking to show its news."""
    ours = str(resources.files("sparklimits") / "resources")
    return os.pathsep.join(filter(None, (os.environ.get("JUPYTER_CONFIG_PATH"), ours)))


def _has_browser() -> bool:
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
