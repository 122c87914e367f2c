"""The other solution notebooks, from top to bottom, on a tenth of the data; minutes each.

What the cells give at full size, and how long they take: ``benchmarks/notebooks.py``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sparklimits.labs import ids
from tests.full.test_short_notebooks import SHORT, runs

SCALE = "0.1"


@pytest.mark.parametrize("lab", [lab for lab in ids() if lab not in SHORT])
def test_a_solution_runs_from_top_to_bottom(
    lab: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(lab, SCALE, tmp_path, monkeypatch)
