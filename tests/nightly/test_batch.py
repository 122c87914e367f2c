"""``sparklimits grade`` with a real submission, from end to end: minutes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.course import Course
from tests.submissions import reference


def test_a_real_submission_gets_what_autograding_gives(tmp_path: Path) -> None:
    """The reference of lab 0, in the sandbox, by the referee, with hidden tests, and into the gradebook."""
    course = Course(tmp_path, "lab0_measuring")
    course.submit({"anna": reference("lab0_measuring")}, "lab0_measuring")
    done = subprocess.run(
        [sys.executable, "-m", "sparklimits", "grade", "submitted", "--json", "out.json"],
        cwd=tmp_path, env={**os.environ, "SPARKLIMITS_HOME": str(tmp_path), "SPARKLIMITS_SCALE": "0.1"},
        text=True, capture_output=True, timeout=1800,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    row = json.loads((tmp_path / "out.json").read_text())["anna"]["lab0_measuring"]
    counted = ("fit_in_parallel_points", "ratio_points", "bottleneck_points", "prediction_points")
    assert [row["marks"][cell] for cell in counted] == [4.0, 5.0, 5.0, 1.0]
    assert row["marks"]["explain"] is None
    assert course.scores("anna", "lab0_measuring") == {
        cell: points for cell, points in row["marks"].items() if points is not None
    }
    assert "sandbox" in done.stdout
    assert (tmp_path / "grades" / "report.html").stat().st_size > 5_000
