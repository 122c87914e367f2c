"""A cluster that was there before and does not suit is refused with the reason; real ones are in tests/full."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sparklimits.errors import MachineError
from sparklimits.spark import executors

MASTER = "spark://m:7077"


@pytest.mark.shows("no_workers")
def test_a_master_alone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "alive_workers", lambda master: 0)
    with pytest.raises(MachineError, match=r"at spark://m:7077 has no workers\. Start a worker"):
        executors.require_suitable(None, MASTER)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(
            "[PYTHON_VERSION_MISMATCH] Python in worker has …",
            "run another Python than this process",
            marks=pytest.mark.shows("other_python"),
        ),
        pytest.param(
            'Cannot run program "python3.11": error=2, No such file or directory',
            "cannot run Python: ",
            marks=pytest.mark.shows("no_python"),
        ),
        ("ModuleNotFoundError: No module named 'sparklimits'", "have no sparklimits. Install version"),
    ],
)
def test_executors_that_cannot_run_the_labs_are_named(
    monkeypatch: pytest.MonkeyPatch, words: str, says: str
) -> None:
    def collect() -> None:
        raise RuntimeError(words)

    found: Any = SimpleNamespace(map=lambda work: SimpleNamespace(collect=collect))
    spark: Any = SimpleNamespace(sparkContext=SimpleNamespace(parallelize=lambda *_: found))
    monkeypatch.setattr(executors, "count", lambda spark: 2)
    with pytest.raises(MachineError) as raised:
        executors._ask(spark, MASTER)
    assert says in str(raised.value)
    assert MASTER in str(raised.value)
