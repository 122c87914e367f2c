"""The lab measured for real, at a fifth of its size: results, counters, and what hostile functions meet."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from sparklimits import cli
from sparklimits.errors import CandidateError, SparkLimitsError, SubmissionError
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs import find, lab2_skew
from sparklimits.measurement import pairs
from sparklimits.measurement.experiment import Experiment, scale_from_environment
from sparklimits.notebook import partition_sizes
from sparklimits.spark import page, session
from tests.submissions import ROOT

LAB = find("lab2_skew")
REFERENCE = load_functions(reference_path(LAB), LAB)
MOVIELENS = ROOT.parent / "shared" / "data" / "ml-latest-small"


@pytest.fixture
def experiment(spark) -> Experiment:
    return Experiment(LAB, spark, scale=0.2, seed=1)


def test_counters_show_the_limit_and_its_removal(experiment: Experiment) -> None:
    naive, fixed = experiment.run(LAB.naive), experiment.run(REFERENCE)
    assert naive.quality.ok, naive.quality.broken
    assert fixed.quality.ok, fixed.quality.broken
    for one in LAB.exercises:
        assert naive.counters[one.name].straggler_ratio() >= 6
        assert fixed.counters[one.name].straggler_ratio() <= 1.6


def test_counters_repeat_exactly_on_the_same_data(spark) -> None:
    def shuffled() -> tuple[float, ...]:
        run = Experiment(LAB, spark, scale=0.1, seed=5).run(LAB.naive)
        summary = run.merged.summary()
        return tuple(
            summary[name] for name in ("tasks", "input_records", "shuffle_records", "heaviest_task_records")
        )

    assert shuffled() == shuffled()


def test_the_reference_holds_on_the_other_data(experiment: Experiment) -> None:
    run = experiment.run(REFERENCE, "other")
    assert run.quality.ok, run.quality.broken


def test_no_two_runs_have_the_same_data(experiment: Experiment) -> None:
    sizes = [len(experiment.fresh()) for _ in range(5)]
    assert len(set(sizes)) == 5
    assert max(sizes) / min(sizes) < 1.08


def test_a_wrong_result_is_wrong_however_fast(experiment: Experiment) -> None:
    def item_pairs(ratings):
        return LAB.naive["item_pairs"](ratings.limit(100))

    result = experiment.measure({**LAB.naive, "item_pairs": item_pairs})
    assert result.verdict == "wrong"
    assert "counts are off" in result.reasons[0]
    assert result.share("speed") == 0.0
    assert result.share("item_pairs") == 0.0


def test_an_error_in_a_function_is_told_in_one_line(experiment: Experiment) -> None:
    def item_trends(ratings):
        return ratings.select("no_such_column")

    result = experiment.measure({**LAB.naive, "item_trends": item_trends})
    assert result.verdict == "failed"
    assert result.reasons[0].startswith("item_trends: AnalysisException")
    assert "\n" not in result.reasons[0]
    assert result.as_json()["speedup"] is None


def test_something_that_is_no_dataframe_is_refused(experiment: Experiment) -> None:
    with pytest.raises(CandidateError, match="item_pairs: returned list, not a DataFrame of Spark or pandas"):
        experiment.run({"item_pairs": lambda ratings: []})


def test_work_that_left_the_cluster_is_suspicious(experiment: Experiment, spark) -> None:
    def item_trends(ratings):
        return spark.createDataFrame(lab2_skew.exact_trends(ratings.toPandas()))

    result = experiment.measure({**LAB.naive, "item_trends": item_trends})
    assert result.verdict == "suspicious"
    assert "shuffle records of the cluster: none" in result.reasons[0]
    assert result.share("speed") == 0.0


def test_a_setting_changed_by_the_candidate_is_gone_for_the_baseline(experiment: Experiment, spark) -> None:
    seen = []

    def item_trends(ratings):
        seen.append(spark.conf.get("spark.sql.shuffle.partitions"))
        spark.conf.set("spark.sql.shuffle.partitions", "1")
        return LAB.naive["item_trends"](ratings)

    for _ in range(2):
        experiment.run({"item_trends": item_trends})
    assert seen == ["16", "16"]


@pytest.mark.skipif(not MOVIELENS.is_dir(), reason="the real MovieLens latest-small is not on this machine")
def test_real_movielens_from_start_to_end(
    spark, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Real data cannot be made smaller. Two pairs show what the command says of them.
    monkeypatch.setattr(pairs, "paired", partial(pairs.paired, looks=(2,)))
    monkeypatch.setenv("SPARKLIMITS_MASTER", "embedded")
    assert cli.main(["run", "lab2_skew", "--data", str(MOVIELENS), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["pairs"] == 2
    assert result["verdict"] in ("passed", "partial", "failed"), result["reasons"]
    before, after = (result["evidence"][arm]["functions"]["item_pairs"] for arm in ("baseline", "candidate"))
    assert before["straggler_ratio"] > 2.5 > 1.5 > after["straggler_ratio"]


def test_a_killed_counter_page_is_a_clear_error() -> None:
    context = SimpleNamespace(uiWebUrl="http://127.0.0.1:9", applicationId="x")
    with pytest.raises(SparkLimitsError, match="does not answer"):
        page._get(SimpleNamespace(sparkContext=context), "jobs/1")  # type: ignore[arg-type]


def test_partition_sizes_counts_empty_partitions(spark) -> None:
    table = spark.range(3)
    sizes = partition_sizes(table.repartition(5, "id"))
    assert len(sizes) == 5
    assert sum(sizes) == 3
    assert 0 in sizes


@pytest.mark.parametrize("text", ["0", "-1", "many"])
def test_a_wrong_scale_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SPARKLIMITS_SCALE", text)
    with pytest.raises(SparkLimitsError, match="SPARKLIMITS_SCALE"):
        scale_from_environment()


def test_functions_from_a_python_file(tmp_path: Path, spark) -> None:
    source = (
        "from sparklimits.labs import lab2_skew\n"
        "def item_trends(ratings):\n    return lab2_skew.item_trends(ratings)\n"
        "def item_pairs(ratings):\n    return lab2_skew.item_pairs(ratings)\n"
    )
    path = tmp_path / "mine.py"
    path.write_text(source)
    run = Experiment(LAB, spark, scale=0.1).run(load_functions(path, LAB))
    assert run.quality.ok
    path.write_text("def item_trends(ratings): ...\n")
    with pytest.raises(SubmissionError, match="does not define item_pairs"):
        load_functions(path, LAB)


def test_the_cluster_is_the_embedded_one() -> None:
    assert session.backend() == "embedded"
