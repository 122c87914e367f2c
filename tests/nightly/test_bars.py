"""At full size each lab's reference passes its bars, as `sparklimits run` prints them; MovieLens whole."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from sparklimits.labs import ids
from tests.submissions import ROOT

MOVIELENS = ROOT.parent / "shared" / "data" / "ml-latest-small"


def measured(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "sparklimits", "run", *arguments, "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("lab", ids())
def test_the_reference_gets_full_marks(lab: str) -> None:
    found = measured(lab)
    assert found["verdict"] == "passed", found["reasons"]
    assert set(found["shares"].values()) == {1.0}, found["shares"]


@pytest.mark.skipif(not MOVIELENS.is_dir(), reason="the real MovieLens latest-small is not on this machine")
def test_real_movielens_whole() -> None:
    found = measured("lab2_skew", "--data", str(MOVIELENS))
    assert found["verdict"] in ("passed", "partial", "failed"), found["reasons"]
    before, after = (found["evidence"][arm]["functions"]["item_pairs"] for arm in ("baseline", "candidate"))
    assert before["straggler_ratio"] > 2.5 > 1.5 > after["straggler_ratio"]
