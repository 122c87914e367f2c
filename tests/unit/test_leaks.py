"""What must not reach a student is read from the solutions: a new lab is watched from its first day."""

from __future__ import annotations

import inspect
from pathlib import Path

import nbformat
import pytest

from sparklimits.errors import SubmissionError
from sparklimits.grading import release
from sparklimits.grading.leaks import leaks, readable, secrets
from sparklimits.labs import find, ids
from tests.submissions import ROOT


def of(lab: str) -> list:
    naive = "\n".join(inspect.getsource(one) for one in find(lab).naive.values())
    return secrets(nbformat.read(ROOT / "solutions" / lab / f"{lab}.ipynb", as_version=4), naive)


@pytest.mark.parametrize("lab", ids())
def test_each_answer_and_each_hidden_test_of_each_lab_is_found_where_it_leaks(lab: str) -> None:
    """As it stands, indented and commented anew, or as a seed in a sentence: in a file of any name."""
    for secret in of(lab):
        text = "\n".join(f"        {line}  # mine" for line in secret.lines)
        if text:
            found = list(leaks([secret], [("course/notes.md", text)]))
            assert f"course/notes.md holds the answer of the cell {secret.cell}" in found
        for number in secret.numbers:
            plain = f"The hidden data have the seed {number.replace('_', '')}."
            assert list(leaks([secret], [("README.md", plain)])), number


@pytest.mark.parametrize("lab", ids())
def test_every_function_and_every_written_answer_is_watched(lab: str) -> None:
    watched = {secret.cell for secret in of(lab)}
    assert {*find(lab).names, "explain"} <= watched


def test_a_bundle_that_would_give_an_answer_away_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (answer,) = (secret for secret in of("lab4_synchronisation") if secret.cell == "train_round")
    leaky = tmp_path / "hints.md"
    leaky.write_text("\n".join(answer.lines))
    monkeypatch.setattr(release, "bundle_files", lambda root: [leaky])
    monkeypatch.setattr(release, "readable", lambda files, root: readable(files, tmp_path))
    with pytest.raises(SubmissionError, match=r"hints\.md holds the answer of the cell train_round"):
        release.write_bundle(tmp_path / "bundle.zip")
    assert not (tmp_path / "bundle.zip").exists()
