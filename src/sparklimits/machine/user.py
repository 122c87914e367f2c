"""Who runs this: a user whose number may have no name here, and whose home may not be there, or not be writable.

Containers are often started under a number alone. Java, Hadoop, JupyterLab and PyTorch ask for a name and a home.
"""

from __future__ import annotations

import os
import pwd
import tempfile
from pathlib import Path

from sparklimits.machine import places

#: What a user without a name is called.
NAME = "student"


def has_name() -> bool:
    """Whether this user's number has a name on this machine."""
    try:
        return bool(pwd.getpwuid(os.getuid()).pw_name)
    except KeyError:
        return False


def settle() -> None:
    """Gives this process, and what it starts, a name and a home where the user has none that can be used."""
    if not has_name():
        for name in ("USER", "LOGNAME"):
            os.environ.setdefault(name, NAME)
    try:
        home = Path.home()
    except RuntimeError:
        home = Path("/nonexistent")
    if not os.access(home, os.W_OK | os.X_OK):
        os.environ["HOME"] = str(_home())


def _home() -> Path:
    """The same folder for each process of this user: what is found there in one must be there in the next."""
    home = Path(tempfile.gettempdir()) / f"{places.PREFIX}home-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    if home.lstat().st_uid != os.getuid() or home.is_symlink():  # somebody else was there first
        return Path(tempfile.mkdtemp(prefix=places.PREFIX))
    return home
