"""Notebooks that try to earn what they did not do, or to do harm, as far as no function of theirs is measured.

Those whose functions are measured: ``tests/nightly``. Each is let loose on a course of its own (``tests/guarded``):
whatever it earns, nothing there may have changed, and nothing may be left running.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nbgrader.utils import determine_grade

from sparklimits import labs
from sparklimits.errors import SubmissionError
from sparklimits.grading import hidden, sandboxed
from sparklimits.grading.marks import name_of
from sparklimits.grading.reading import read_submission
from sparklimits.grading.recovery import recover, release_of
from sparklimits.grading.referee.launcher import Launch
from sparklimits.grading.referee.notebook import Judged, Marks
from sparklimits.grading.sandbox import groups
from tests import guarded
from tests.marks import earned, run
from tests.referee import NOTHING, Launcher
from tests.submissions import hostile

WITHOUT_SESSION = "object.__new__(__import__('sparklimits.notebook').notebook.OpenLab)"
REFUSED = ("truncated_json", "numbers_and_nesting_without_end")
#: Bytes of memory for the attack on it.
LITTLE = 500_000_000


@pytest.fixture
def nothing_earned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares a notebook its measurement: it has no function that earns anything, whatever its kernel says."""
    judge = Marks.judge

    def spared(self: Marks, scale: float, launch: Launch, progress: Callable[[str], None]) -> Judged:
        return judge(self, scale, Launcher(NOTHING), progress)

    monkeypatch.setattr(Marks, "judge", spared)


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("furnished")
    guarded.furnish(folder)
    return folder


@pytest.fixture
def there(furnished: Path, tmp_path: Path) -> Iterator[hostile.Surroundings]:
    """A course for one attack; at the end it must be as it was."""
    shutil.copytree(furnished, tmp_path / "course", symlinks=True)
    with guarded.course(tmp_path / "course") as there:
        guard = guarded.Guard(there)
        yield there
        assert guard.harm() == []


@pytest.mark.parametrize("name", [one.name for one in hostile.IN_THE_KERNEL if one.kind == "kernel"])
@pytest.mark.usefixtures("nothing_earned")
def test_nothing_in_the_kernel_earns_a_mark(name: str, there: hostile.Surroundings, tmp_path: Path) -> None:
    notebook = hostile.named(name).notebook(there)
    for cell in notebook.cells:  # what a kernel says of marks does not depend on a session
        cell.source = cell.source.replace(f'open_lab("{hostile.LAB}")', WITHOUT_SESSION)
    found = earned(notebook, tmp_path)
    assert set(found.values()) == {0.0}, found


@pytest.mark.parametrize("name", [one.name for one in hostile.IN_THE_KERNEL if one.kind == "machine"])
@pytest.mark.usefixtures("nothing_earned", "sandbox_here")
def test_nothing_on_the_machine_is_harmed(
    name: str, there: hostile.Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack = hostile.named(name)
    if name == "memory":
        group = groups.make(LITTLE, 100)
        group.end()
        if "memory" not in group.folders:
            pytest.skip("needs a control group of memory")
        monkeypatch.setattr(sandboxed, "_MEMORY", LITTLE)
    file = tmp_path / "submitted" / f"{hostile.LAB}.ipynb"
    attack.write(file, there)
    notebook = read_submission(file)[0]
    for cell in notebook.cells:  # the attack alone: what the lab imports takes longer than that
        if "open_lab(" in cell.source:
            cell.source = there.told(attack.module.OPENING)
        elif "test" in name_of(cell) or name_of(cell) == "prove":
            cell.source = ""
    found = run(notebook, file.parent, timeout_func=lambda cell: 60, grace=3)
    assert set(found.values()) == {0.0}, found


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_notebook_is_refused_in_a_sentence(
    name: str, there: hostile.Surroundings, tmp_path: Path
) -> None:
    file = tmp_path / f"{hostile.LAB}.ipynb"
    hostile.named(name).write(file, there)
    with pytest.raises(SubmissionError, match=r"^.{40,400}$"):
        read_submission(file)


@pytest.mark.parametrize("name", [one.name for one in hostile.IN_THE_FILE if one.name not in REFUSED])
def test_nothing_in_the_file_earns_a_mark(name: str, there: hostile.Surroundings, tmp_path: Path) -> None:
    file = tmp_path / f"{hostile.LAB}.ipynb"
    hostile.named(name).write(file, there)
    release, began = release_of(hostile.LAB), time.monotonic()
    notebook, _ = recover(read_submission(file)[0], release, file.name)
    own = {name_of(cell): cell for cell in release.cells if name_of(cell)}
    there_now = [cell for cell in notebook.cells if name_of(cell)]
    assert [name_of(cell) for cell in there_now] == list(own)
    for cell in there_now:
        assert cell.metadata == own[name_of(cell)].metadata
        assert cell.get("outputs", []) == []
        if cell.metadata.nbgrader.locked:
            assert cell.source == own[name_of(cell)].source
    found = Marks(labs.find(hostile.LAB), release, notebook)
    found.finish(found.judge(0.1, Launcher(NOTHING), lambda said: None), {})
    assert {determine_grade(cell)[0] for cell in found.graded.values()} == {0.0}
    hidden.without_traces(notebook)
    assert time.monotonic() - began < 60
