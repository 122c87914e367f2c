"""Opens JupyterLab on the student's folder."""

from __future__ import annotations

import os
import subprocess
import sys
import webbrowser

from sparklimits import workspace
from sparklimits.paths import project_root

#: A class is not asked, notebook by notebook, whether it wants news of JupyterLab.
_NO_NEWS = ("--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate")


def open_lab(arguments: list[str]) -> int:
    """Runs JupyterLab in ``work/`` until it is stopped; returns its exit code.

    A port in use is no trouble: JupyterLab takes the next free one. Where there is no browser its address is
    printed.
    """
    work = workspace.prepare()
    options = list(_NO_NEWS)
    if not _has_browser():
        options.append("--no-browser")
        print(
            "There is no browser here: open the address below that starts with http://127.0.0.1.", flush=True
        )
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")
    # The kernels find the labs, and put their temporary files, in the project whatever folder they run in.
    environment = {**os.environ, "SPARKLIMITS_HOME": str(project_root())}
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.root_dir", str(work), *options, *arguments]
    try:
        return subprocess.call(command, cwd=work, env=environment)
    except KeyboardInterrupt:
        return 0


def _has_browser() -> bool:
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
