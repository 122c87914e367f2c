"""What is different in a kernel that grades: nothing is installed, and nobody is asked. An extension of IPython.

``!pip``, ``%pip``, ``python -m pip``, ``import pip``, conda, mamba, uv and their like say that they did not run, and
the cell goes on. This tells honest notebooks why nothing is installed. The wall that keeps the others from it is the
sandbox.
"""

from __future__ import annotations

import os
import sys
from importlib import resources
from typing import Any, NoReturn

from sparklimits.machine.paths import programs

#: Programs that change an environment, or the machine.
INSTALLERS = (
    "pip", "pip3", "pip2", "pipx", "pipenv", "poetry", "pdm", "uv", "easy_install", "conda", "mamba", "micromamba",
    "apt", "apt-get", "aptitude", "dnf", "yum", "apk", "brew", "snap",
)  # fmt: skip
_MAGICS = ("pip", "conda", "mamba", "micromamba", "uv")
#: For a pip that is reached past all of these, such as ``python -I -m pip``.
_SETTINGS = {"PIP_NO_INDEX": "1", "PIP_DRY_RUN": "1", "UV_OFFLINE": "1", "CONDA_OFFLINE": "true"}
#: The variables that :func:`load_ipython_extension` changes.
CHANGES = ("PATH", "PYTHONPATH", *_SETTINGS)
_SCRIPT = """\
#!/bin/sh
echo "\\`$(basename "$0") $*\\` was not run: while a notebook is graded nothing is installed or removed."
"""


def load_ipython_extension(shell: Any) -> None:
    """Called by IPython when a kernel that grades starts."""
    _refuse_installs()
    for name in _MAGICS:
        shell.register_magic_function(_not_run(name), "line", name)
    if kernel := getattr(shell, "kernel", None):
        kernel.raw_input = kernel.getpass = refuse_input


def refuse_input(*_: Any, **__: Any) -> NoReturn:
    """Stands for ``input`` and ``getpass``.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError(
        "input() asks a person, and nobody is there while a notebook is graded: write the value down instead."
    )


def installers_refused() -> dict[str, str]:
    """The variables of a process in which installers only say that they did not run; makes the scripts they name."""
    scripts = programs() / "no-installs"  # goes away with this process, also when it is killed
    scripts.mkdir(exist_ok=True)
    for name in INSTALLERS:
        script = scripts / name
        script.write_text(_SCRIPT, "utf-8")
        script.chmod(0o755)
    paths = {"PATH": str(scripts), "PYTHONPATH": stand_in()}
    return _SETTINGS | {
        name: os.pathsep.join(filter(None, [ours, os.environ.get(name, "")])) for name, ours in paths.items()
    }


def stand_in() -> str:
    """The folder that holds the stand-in for pip."""
    return str(resources.files("sparklimits") / "resources" / "no-installs")


def _refuse_installs() -> None:
    os.environ.update(installers_refused())
    sys.path.insert(0, stand_in())


def _not_run(name: str) -> Any:
    def magic(line: str) -> None:
        print(f"`%{name} {line}` was not run: while a notebook is graded nothing is installed or removed.")

    return magic
