"""What of this machine a sandbox shows: the system, the interpreter, Java and this package, all of it read-only."""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import sparklimits
from sparklimits.errors import MachineError
from sparklimits.machine import environment, java

#: The system's programs and libraries.
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
#: Of the system's settings those that programs need: names of users and of this host, libraries, time, fonts. Not the
#: whole folder: who grades as root could read every password in it.
_SETTINGS = (
    "passwd", "group", "hosts", "nsswitch.conf", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives",
    "localtime", "timezone", "locale.alias", "fonts", "mime.types", "os-release", "ssl/certs", "crypto-policies",
    "pki/java", "java", "java-17-openjdk", "java-21-openjdk",
)  # fmt: skip
#: The number and the kinds of the processors, which numerical libraries ask for.
_PROCESSORS = ("/sys/devices/system/cpu", "/sys/devices/system/node")
#: Variables that a sandbox inherits.
_KEPT = (
    "TZ",
    "USER",
    "LOGNAME",
    "SPARKLIMITS_SCALE",
    "SPARKLIMITS_JAVA",
    "OMP_NUM_THREADS",
    "NBGRADER_EXECUTION",
)


def system() -> list[Path]:
    """What of the system is shown, links as links."""
    settings = (f"/etc/{name}" for name in _SETTINGS)
    return [Path(path) for path in (*_SYSTEM, *settings, *_PROCESSORS) if os.path.exists(path)]


def course() -> list[Path]:
    """The interpreter with its packages, Java and this package; nothing else of the course's folder."""
    packages = [*site.getsitepackages(), site.getusersitepackages()]
    found = [sys.prefix, sys.base_prefix, *(path for path in packages if path in sys.path)]
    home = _java_home()
    own = str(Path(sparklimits.__file__).resolve().parent)
    paths = {Path(one).resolve() for one in (*found, *([home] if home else []), own)}
    return sorted(path for path in paths if path.is_dir())


def around(shown: Path, hidden: Sequence[Path]) -> Iterator[Path]:
    """The folder itself; or, when it holds what is to be hidden, all else in it: for who cannot hide a part."""
    if not any(shown in one.parents for one in hidden):
        yield shown
        return
    for inner in sorted(shown.iterdir()):
        if inner not in hidden:
            yield from around(inner, hidden)


def variables(home: Path, temporary: Path) -> dict[str, str]:
    """All the variables of a sandbox whose home and folder for temporary files these are."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    java_home = _java_home()
    user_packages = {"PYTHONUSERBASE": site.getuserbase()} if site.getusersitepackages() in sys.path else {}
    return {
        **kept,
        **user_packages,
        **({"JAVA_HOME": java_home} if java_home else {}),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "SPARKLIMITS_TMP": str(temporary),
        "LC_ALL": environment.utf8_locale(),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@cache
def _java_home() -> str:
    """The machine's Java, where it lies; nothing when Java is one of the packages, or missing."""
    if os.environ.get("SPARKLIMITS_JAVA"):
        return ""
    try:
        found = java.system_java()
    except MachineError:
        return ""
    return str(found.home.resolve()) if found else ""
