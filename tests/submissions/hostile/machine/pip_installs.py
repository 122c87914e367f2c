"""A package is built here and installed, past everything that refuses pip: it is there for whoever is graded next."""

OPENING = """
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

name = "left_by_a_notebook"
wheel = Path(tempfile.mkdtemp()) / f"{name}-1.0-py3-none-any.whl"
with zipfile.ZipFile(wheel, "w") as packed:
    packed.writestr(f"{name}.py", "")
    packed.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n")
    packed.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    packed.writestr(f"{name}-1.0.dist-info/RECORD", "")
bare = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "PYTHON"))}
for command in (["-m", "pip"], ["-I", "-m", "pip"]):
    done = subprocess.run(
        [sys.executable, *command, "install", "--no-index", "--force-reinstall", str(wheel)],
        capture_output=True, text=True, env=bare,
    )
    print(done.returncode, (done.stdout + done.stderr)[-300:])
get_ipython().system(f"pip install --no-index {wheel}")
"""
