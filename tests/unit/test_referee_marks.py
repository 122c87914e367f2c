"""No score comes from what a kernel showed: graded cells run outside, with the referee's result and plain answers."""

from __future__ import annotations

import builtins
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.utils import determine_grade

from sparklimits import labs
from sparklimits.grading import marks, names
from sparklimits.grading.marks import name_of
from sparklimits.grading.recovery import recover, release_of
from sparklimits.grading.referee import points
from sparklimits.grading.referee.execute import RefereedExecute
from sparklimits.grading.referee.notebook import PROVE, Judged, Marks
from sparklimits.grading.referee.referee import Referee
from sparklimits.measurement import verdict
from sparklimits.measurement.result import REFEREED, Result
from tests.referee import NOTHING, Launcher
from tests.submissions import ROOT, released

LAB0 = labs.find("lab0_measuring")


def instructors(lab: str) -> NotebookNode:
    """The release as nbgrader's autograding has it: its graded cells with their hidden tests."""
    source = nbformat.read(ROOT / "solutions" / lab / f"{lab}.ipynb", as_version=4)
    whole = {name_of(cell): cell for cell in marks.written_out(source).cells if name_of(cell)}
    notebook = released(lab)
    for cell in notebook.cells:
        if name_of(cell) and not cell.metadata.nbgrader.get("solution"):
            cell.source = whole[name_of(cell)].source
    return notebook


def forged(notebook: NotebookNode) -> NotebookNode:
    """As a kernel leaves it in which ``points`` gives everything, and ``prove`` says so."""
    for cell in notebook.cells:
        if name_of(cell) == PROVE:
            cell.outputs = [new_output("execute_result", data={"text/plain": "passed, 99 times as fast"})]
        elif cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code":
            most = cell.metadata.nbgrader.points
            cell.outputs = [new_output("execute_result", data={"text/plain": f"{float(most)}"})]
    return notebook


def earned(
    notebook: NotebookNode, answers: Mapping[str, Mapping[str, Any]], lab: str = "lab0_measuring"
) -> dict[str, float]:
    """What nbgrader would enter for each graded cell of code, when no function could be had."""
    found = Marks(labs.find(lab), released(lab), notebook)
    judged = found.judge(0.1, Launcher(NOTHING), lambda message: None)
    found.finish(judged, answers)
    return {name: determine_grade(cell)[0] for name, cell in found.graded.items()}


def test_what_a_kernel_showed_earns_nothing() -> None:
    notebook = forged(instructors("lab0_measuring"))
    assert set(earned(notebook, {}).values()) == {0.0}
    proof = next(cell for cell in notebook.cells if name_of(cell) == PROVE)
    assert "99 times" not in str(proof.outputs)
    assert "NameError" in str(proof.outputs)


def test_what_hidden_tests_find_is_the_graders_verdict_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def finds(referee: Referee, result: Result, variant: str, seed: int) -> Result:
        return verdict.doubtful(result, f"wrong on {variant} {seed}")

    monkeypatch.setattr(Referee, "also_on", finds)
    notebook = instructors("lab2_skew")
    found = Marks(labs.find("lab2_skew"), released("lab2_skew"), notebook)
    judged = found.judge(0.1, Launcher(NOTHING), lambda message: None)
    assert any("wrong on other" in reason for reason in judged.final.reasons)
    found.finish(judged, {})
    assert "wrong on other" not in nbformat.writes(notebook)


def test_a_cell_that_is_gone_costs_its_own_marks() -> None:
    notebook = instructors("lab0_measuring")
    notebook.cells = [cell for cell in notebook.cells if name_of(cell) not in LAB0.names]
    assert set(earned(notebook, {}).values()) == {0.0}


def test_what_a_student_calls_hidden_tests_is_gone_before_a_graded_cell_runs_here() -> None:
    notebook = released("lab0_measuring")
    cell = next(one for one in notebook.cells if name_of(one) == "ratio_points")
    right = cell.source
    cell.source = f"### BEGIN HIDDEN TESTS\nraise SystemExit\n### END HIDDEN TESTS\n{right}"
    cell.metadata.nbgrader["locked"] = False
    found, said = recover(notebook, release_of("lab0_measuring"), "mine.ipynb")
    assert next(one for one in found.cells if name_of(one) == "ratio_points").source == right
    assert any("ratio_points was changed" in sentence for sentence in said)


def test_answers_are_graded_here() -> None:
    answers = {
        "prediction_points": {"my_prediction": 2.0},
        "questions_points": {"jobs_of_the_fit": 1, "tasks_in_each_stage": 5},
    }
    found = earned(instructors("lab0_measuring"), answers)
    assert found["prediction_points"] == 1.0
    assert found["questions_points"] == 1.0  # of two


def test_an_answer_brings_no_other_name_along() -> None:
    answers = {"prediction_points": {"my_prediction": None, "points": 5, "is_number": True}}
    assert earned(instructors("lab0_measuring"), answers)["prediction_points"] == 0.0


@pytest.mark.shows("unknown_graded_cell")
def test_a_graded_cell_that_is_not_the_releases_is_not_run() -> None:
    notebook = instructors("lab0_measuring")
    cell = next(cell for cell in notebook.cells if name_of(cell) == "prediction_points")
    cell.source = "raise SystemExit\npoints(1.0, most=1)"
    assert earned(notebook, {})["prediction_points"] == 0.0
    assert "is not that of the release" in cell.outputs[0].evalue


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2.0", 2.0), ("np.float64(2.0)", 2.0), ("'yes'", "yes"), ("{'skew': 'yes'}", {"skew": "yes"}),
        ("<Yes object>", None), ("__import__('os').getpid()", None), ("", None), ("(" * 9_000, None),
        ("np.array([1.0, 2.0])", [1.0, 2.0]), ("9" * 20_000, None),
    ],
)  # fmt: skip
def test_only_plain_values_are_answers(text: str, value: object) -> None:
    assert points.value_of(text) == value


@pytest.mark.parametrize("lab", labs.ids())
def test_every_graded_cell_of_every_lab_can_run_outside(lab: str) -> None:
    """Whatever it uses is the referee's, an import of the release, a plain answer, a fact, or bound by itself."""
    found, release = Marks(labs.find(lab), released(lab), instructors(lab)), released(lab)
    assert found.graded.keys() == found._known.keys()
    facts = {"lab0_measuring": {"slow_fit"}, "lab6_capstone": {"whole", "part", "impressions"}}
    for name, cell in found.graded.items():
        imported = points.imported(points.imports_for(cell.source, release)).keys()
        known = {"lab", "result", *found._alone, *labs.find(lab).names, *facts.get(lab, ()), *dir(builtins)}
        left = (
            names.used(cell.source)
            - known
            - imported
            - set(found.wants(name))
            - names.bound(cell.source).keys()
        )
        assert not left, (name, left)


@pytest.mark.parametrize(
    "value", ["float('nan')", "True", "'9'", "(8.0,)", "None", "__import__('numpy').float64(8)"]
)
def test_what_is_no_plain_number_earns_nothing(value: str) -> None:
    notebook = instructors("lab2_skew")
    found = Marks(labs.find("lab2_skew"), released("lab2_skew"), notebook)
    cell = found.graded["speed_points"]
    cell.source = value
    cell.outputs = found._outputs(cell, {})
    assert determine_grade(cell)[0] == 0.0


def test_what_is_known_before_waits_for_no_answer() -> None:
    found = Marks(LAB0, released("lab0_measuring"), instructors("lab0_measuring"))
    judged: Judged = found.judge(0.1, Launcher(NOTHING), lambda message: None)
    assert judged.outputs.keys() == {"fit_in_parallel_points", "ratio_points", "bottleneck_points"}
    assert found.wants("questions_points") == ["jobs_of_the_fit", "tasks_in_each_stage"]


def test_the_kernel_of_a_check_is_told_the_result_and_measures_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it has nobody's settings of IPython. That the result comes from there: `lab.prove` in `notebook`."""
    given: list[dict[str, Any]] = []
    monkeypatch.setattr(NotebookClient, "start_new_kernel", lambda self, **keywords: given.append(keywords))
    step = RefereedExecute()
    step._handed = tmp_path / "result"
    step.start_new_kernel(cwd="/here")
    keywords = given[0]
    assert keywords["cwd"] == "/here"
    assert keywords["env"][REFEREED] == str(tmp_path / "result")
    assert list(Path(keywords["env"]["IPYTHONDIR"]).iterdir()) == []
    step.start_new_kernel()  # what one kernel's cells leave there is not the next one's
    assert given[1]["env"]["IPYTHONDIR"] != keywords["env"]["IPYTHONDIR"]
    assert keywords["env"]["PATH"] == os.environ["PATH"]
