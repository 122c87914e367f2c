"""The student's bundle works alone: the package runs from it, with no solutions anywhere."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

from sparklimits import __version__
from sparklimits.grading.release import write_bundle

LAB = "lab0_measuring"
#: The naive way, as a student's file.
MINE = "from sparklimits.labs.lab0_measuring.naive import bottleneck, fit_in_parallel, ratio\n"


def test_the_bundle_works_alone(tmp_path: Path) -> None:
    with zipfile.ZipFile(write_bundle(tmp_path / "bundle.zip")) as content:
        content.extractall(tmp_path)
    top = tmp_path / f"sparklimits-{__version__}"
    (top / "mine.py").write_text(MINE)
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(top / "src"),
        "SPARKLIMITS_HOME": str(top),
        "SPARKLIMITS_SCALE": "0.1",
        "SPARKLIMITS_MASTER": "embedded",
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sparklimits", "run", LAB, *arguments],
            cwd=top, env=environment, text=True, capture_output=True, timeout=600,
        )  # fmt: skip

    without = run()
    assert without.returncode == 1
    assert f"There is no reference for {LAB} here" in without.stderr
    done = run("--solution", "mine.py", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["shares"]["fit_in_parallel"] == 0.0
    assert found["evidence"]["candidate"]["functions"]["fit_in_parallel"]["slot_ratio"] == 2.0
