"""The tiers and what each cost; one Spark session for all tests of a process, as starting it takes ten seconds."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from sparklimits.errors import MachineError
from sparklimits.labs import find
from sparklimits.spark import session
from tests.sessions import short
from tests.standalone import HOST, Standalone

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).resolve().parents[1]
#: Seconds that the tests of a tier may take together, on two quiet cores. A machine 1.7 times slower gets 1.7 times.
BOUNDS = {"unit": 120, "spark": 480, "whole": 360, "full": 1800, "alone": 300, "containers": 480}
_spent: dict[str, dict[str, float]] = defaultdict(dict)


#: These run on the same session: a Java that has just started costs fifteen seconds of two cores, and its first runs of
#: a plan as much again. What is not named here has a cluster of another kind, or none.
ONE_SESSION = {
    "spark": ("experiment", "lab0", "lab3", "lab4", "lab5", "lab6", "lab7", "notebook", "primer", "session"),
    "full": ("lab5_distributed", "many_jobs", "models", "whose_fault"),
}


#: What takes longest begins first, in this order: otherwise one process works on it alone at the end.
LONGEST = (
    "full/test_trouble_notebooks", "full/test_hostile", "full/test_sandbox", "full/one session",
    "full/test_trouble_machine",
    "spark/one session", "whole/test_browser", "whole/test_grading", "spark/test_lab1",
    "full/test_faults", "full/test_executors", "full/test_trouble_hub", "full/test_bundle", "full/test_new_lab",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's folder is its tier, and the tier its marker; the longest come first."""
    for item in items:
        item.add_marker(_tier(item.nodeid))
    items.sort(key=lambda item: _place(_scope(item.nodeid)))


def _place(scope: str) -> int:
    return LONGEST.index(scope) if scope in LONGEST else len(LONGEST)


def _scope(nodeid: str) -> str:
    """The file, or the session, whose tests run in the same process."""
    tier, name = _tier(nodeid), Path(nodeid.split("::")[0]).stem
    return f"{tier}/{'one session' if name.removeprefix('test_') in ONE_SESSION.get(tier, ()) else name}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Tests of a file run in the same process, and so do those of all files that share a session of Spark.

    (The marker ``xdist_group`` of xdist 3.8 has no effect under pytest 9.2.)
    """

    class BySession(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _scope(nodeid)

    config.option.loadscopereorder = False  # those with the most tests are not those that take longest
    return BySession(config, log)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """What a test took, its fixtures included. With several processes, the one that leads hears of all tests."""
    spent = _spent[_tier(report.nodeid)]
    spent[report.nodeid] = spent.get(report.nodeid, 0.0) + report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Each tier's ten slowest tests and its total against its bound; all durations go to build/tests/."""
    folder = ROOT / "build" / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    for tier, spent in _spent.items():
        slowest = sorted(spent.items(), key=lambda one: -one[1])
        (folder / f"{tier}.json").write_text(json.dumps(dict(slowest), indent=1) + "\n")
        bound = f" of {BOUNDS[tier]} s" if tier in BOUNDS else ""
        terminalreporter.section(f"{tier}: {sum(spent.values()):.0f} s{bound} in {len(spent)} tests", sep="-")
        for test, seconds in slowest[:10]:
            if seconds >= 1:
                terminalreporter.write_line(f"{seconds:7.1f} s  {test.removeprefix('tests/')}")


def _tier(nodeid: str) -> str:
    return nodeid.split("/")[1]


@pytest.fixture
def sandbox_here() -> None:
    """Skips where this machine has no sandbox for other people's code."""
    from sparklimits.grading.sandbox import tiers

    try:
        tiers.require()
    except MachineError as error:
        pytest.skip(str(error))


@pytest.fixture
def spark() -> SparkSession:
    """The session of lab 2; a test that stopped it only makes the next one wait."""
    return short(find("lab2_skew").constraints)


@pytest.fixture(scope="session", autouse=True)
def _no_session_left() -> Iterator[None]:
    yield
    session.stop()


@pytest.fixture
def standalone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Standalone]:
    """A cluster that runs already, without workers, which `SPARKLIMITS_MASTER` names."""
    session.stop()
    found = Standalone(tmp_path)
    monkeypatch.setenv("SPARKLIMITS_MASTER", found.master)
    monkeypatch.setenv("SPARK_LOCAL_IP", HOST)
    monkeypatch.delenv("PYSPARK_PYTHON", raising=False)
    deadline = time.monotonic() + 60
    while "I have been elected leader" not in (tmp_path / "cluster.log").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.2)
    yield found
    session.stop()
    found.stop()
