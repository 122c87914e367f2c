"""What a notebook calls, on the embedded cluster."""

from __future__ import annotations

import pandas as pd
import pytest

from sparklimits.notebook import OpenLab, open_lab


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> OpenLab:
    monkeypatch.setenv("SPARKLIMITS_SCALE", "0.05")
    return open_lab("lab2_skew")


def test_an_embedded_cluster_cannot_grow_and_says_so(
    lab: OpenLab, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lab.before_and_after(lambda: pytest.fail("the job must not run")) is None
    assert "course/docker.md tells how to start it" in capsys.readouterr().out


def test_what_cannot_succeed_may_on_less_data_and_says_so(
    lab: OpenLab, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.fails(lambda: 1 / 0)
    assert "division by zero" in capsys.readouterr().out
    lab.fails(lambda: 1)
    assert "did not fail: on 0.05 of the data" in capsys.readouterr().out
    lab.scale = 1.0
    with pytest.raises(AssertionError, match="was expected to fail"):
        lab.fails(lambda: 1)


def test_a_job_that_was_watched_has_the_executors_that_ran_it(lab: OpenLab) -> None:
    run = lab.watch(lambda: lab.spark.range(100))
    assert run.executors == 2
    assert len(run.result) == 100
    assert "2 executors of 1 core" in lab._repr_html_()


def test_a_function_that_collects_its_result_itself_is_said_to(lab: OpenLab) -> None:
    assert "itself collected" in lab.watch(lambda: pd.DataFrame({"n": [1]}))._repr_html_()
    assert "itself collected" not in lab.watch(lambda: lab.spark.range(3))._repr_html_()


def test_the_target_of_a_function_stands_beside_its_counter(
    lab: OpenLab, capsys: pytest.CaptureFixture[str]
) -> None:
    even = lab.watch(lambda: lab.spark.range(101).repartition(4))
    lab.target("item_trends", even)
    said = capsys.readouterr().out
    assert (
        said
        == f"straggler ratio: {even.counters.straggler_ratio():.2f}. All marks up to 1.50, none from 6 on.\n"
    )
