"""A measurement from end to end, and what hostile functions meet; lab 2 with its counters, on little data."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from sparklimits.datasets import movielens
from sparklimits.errors import CandidateError, SparkLimitsError, SubmissionError
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs import find
from sparklimits.machine.scale import scale_from_environment
from sparklimits.measurement.experiment import Experiment
from sparklimits.measurement.plan import ROUGH
from sparklimits.notebook import partition_sizes
from sparklimits.spark import session
from tests import tiny_lab
from tests.submissions import ROOT
from tests.tiny_lab import REFERENCE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SKEW = find("lab2_skew")
MOVIELENS = ROOT.parent / "shared" / "data" / "ml-latest-small"


@pytest.fixture
def experiment() -> Experiment:
    """Of the tiny lab: its functions count the even and the odd numbers."""
    return Experiment(tiny_lab.LAB, session.get(tiny_lab.LAB.constraints), seed=1, plan=ROUGH)


def test_counters_show_the_limit_and_its_removal_and_repeat(spark: SparkSession) -> None:
    reference = load_functions(reference_path(SKEW), SKEW)
    experiment = Experiment(SKEW, spark, scale=0.15, seed=1)
    naive, fixed, other = (
        experiment.run(SKEW.naive),
        experiment.run(reference),
        experiment.run(reference, "other"),
    )
    for run in (naive, fixed, other):
        assert run.quality.ok, run.quality.broken
    for one in SKEW.exercises:
        assert naive.counters[one.name].straggler_ratio() >= 6
        assert fixed.counters[one.name].straggler_ratio() <= 1.6
        assert fixed.counters[one.name].slots == SKEW.constraints.slots
    again = Experiment(SKEW, spark, scale=0.15, seed=1).run(SKEW.naive)
    for name in ("tasks", "input_records", "shuffle_records", "heaviest_task_records"):
        assert again.merged.summary()[name] == naive.merged.summary()[name]


def test_no_two_runs_have_the_same_data(spark: SparkSession) -> None:
    experiment = Experiment(SKEW, spark, scale=0.1)
    tables = [experiment.fresh() for _ in range(5)]
    assert not any(one.equals(other) for one, other in itertools.combinations(tables, 2))
    sizes = [len(one) for one in tables]
    assert len(set(sizes)) > 1
    assert max(sizes) / min(sizes) < 1.08


def test_a_right_fix_earns_by_its_counters_and_a_wrong_one_costs_only_itself(experiment: Experiment) -> None:
    result = experiment.measure({**REFERENCE, "odd": lambda numbers: tiny_lab.odd(numbers.limit(10))})
    assert result.verdict == "wrong"
    assert "the counts are off" in result.reasons[0]
    assert result.pairs == 2
    assert (result.share("even"), result.share("odd")) == (1.0, 0.0)


def test_an_error_in_one_function_costs_only_itself(experiment: Experiment) -> None:
    result = experiment.measure({**REFERENCE, "even": lambda numbers: numbers.select("no_such_column")})
    assert result.verdict == "failed"
    assert result.reasons[0].startswith("even: There is no column `no_such_column` here.")
    assert "\n" not in result.reasons[0]
    assert (result.share("even"), result.share("odd")) == (0.0, 1.0)


def test_when_no_function_is_left_nothing_is_measured(experiment: Experiment) -> None:
    def stops(numbers: Any) -> Any:
        raise SystemExit("enough")

    absent = {"odd": "odd is not defined: its cell was not run, or ended with an error"}
    result = experiment.measure({"even": stops}, absent)
    assert result.verdict == "failed"
    assert sorted(result.reasons) == ["even: SystemExit: enough.", absent["odd"]]
    assert result.as_json()["speedup"] is None
    assert set(result.shares.values()) == {0.0}


def test_something_that_is_no_dataframe_is_refused(experiment: Experiment) -> None:
    with pytest.raises(
        CandidateError, match="odd: The function returned a value of the kind `list`, which is no table"
    ):
        experiment.run({"odd": lambda numbers: []})


def test_a_result_that_cannot_be_compared_is_wrong(experiment: Experiment) -> None:
    quality = experiment.run({"odd": lambda numbers: pd.DataFrame({"another": [1]})}).quality
    assert quality.broken == ("odd: the result cannot be compared (KeyError: 'count')",)


def test_counts_written_on_a_table_do_not_replace_sparks(experiment: Experiment) -> None:
    def odd(numbers: Any) -> pd.DataFrame:
        table = tiny_lab.odd(numbers).toPandas()
        table.attrs["counters"] = {"jobs": 0, "tasks": 1}
        return table

    run = experiment.run({"odd": odd})
    assert run.results["odd"].attrs == {}
    counted = run.counters["odd"].summary()
    assert counted["jobs"] > 0
    assert counted["tasks"] >= 4


def test_work_of_threads_is_counted_and_work_that_is_left_running_is_told(experiment: Experiment) -> None:
    def with_threads(numbers: Any) -> Any:
        context = numbers.sparkSession.sparkContext
        threads = [threading.Thread(target=context.parallelize(range(10), 2).sum) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return tiny_lab.odd(numbers)

    alone = experiment.run({"odd": tiny_lab.odd}).counters["odd"].jobs
    assert experiment.run({"odd": with_threads}).counters["odd"].jobs == alone + 3

    def leaves_one(numbers: Any) -> Any:
        slow = numbers.sparkSession.sparkContext.parallelize([60], 1).map(time.sleep)

        def beside() -> None:
            with contextlib.suppress(Exception):  # it is cancelled
                slow.count()

        threading.Thread(target=beside, daemon=True).start()
        return tiny_lab.odd(numbers)

    with pytest.raises(CandidateError, match=r"odd: Job \d+ of Spark still runs .* cancelled"):
        experiment.run({"odd": leaves_one})


def test_work_that_left_the_cluster_is_suspicious(experiment: Experiment) -> None:
    def even(numbers: Any) -> pd.DataFrame:
        return pd.DataFrame({"count": [int(numbers._jdf.queryExecution().logical().numElements()) // 2]})

    result = experiment.measure({**REFERENCE, "even": even})
    assert result.verdict == "suspicious"
    assert "even: tasks of the cluster: none" in result.reasons[0]
    assert (result.share("speed"), result.share("even"), result.share("odd")) == (0.0, 0.0, 1.0)


def test_a_setting_changed_by_the_candidate_is_gone_for_the_baseline(experiment: Experiment) -> None:
    seen = []

    def even(numbers: Any) -> Any:
        seen.append(experiment.spark.conf.get("spark.sql.shuffle.partitions"))
        experiment.spark.conf.set("spark.sql.shuffle.partitions", "1")
        return tiny_lab.even(numbers)

    for _ in range(2):
        experiment.run({"even": even})
    assert seen == ["200", "200"]


@pytest.mark.skipif(not MOVIELENS.is_dir(), reason="the real MovieLens latest-small is not on this machine")
def test_real_ratings_are_drawn_from_and_judged_as_generated_ones(spark: SparkSession) -> None:
    whole = movielens.load(MOVIELENS)
    few = whole[whole["user_id"].isin(whole["user_id"].unique()[:40])]
    experiment = Experiment(SKEW, spark, real=few)
    assert len(experiment.fresh()) == round(0.98 * len(few))
    run = experiment.run({"item_pairs": SKEW.naive["item_pairs"]})
    assert run.quality.ok, run.quality.broken
    assert run.counters["item_pairs"].summary()["input_records"] == round(0.98 * len(few))


def test_partition_sizes_counts_empty_partitions(spark: SparkSession) -> None:
    sizes = partition_sizes(spark.range(3).repartition(5, "id"))
    assert len(sizes) == 5
    assert sum(sizes) == 3
    assert 0 in sizes


@pytest.mark.parametrize("text", ["0", "-1", "many"])
def test_a_wrong_scale_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SPARKLIMITS_SCALE", text)
    with pytest.raises(SparkLimitsError, match="SPARKLIMITS_SCALE"):
        scale_from_environment()


def test_functions_from_a_python_file(tmp_path: Path, spark: SparkSession) -> None:
    path = tmp_path / "mine.py"
    path.write_text("from sparklimits.labs.lab2_skew.naive import item_pairs, item_trends\n")
    assert Experiment(SKEW, spark, scale=0.05).run(load_functions(path, SKEW)).quality.ok
    path.write_text("def item_trends(ratings): ...\n")
    with pytest.raises(SubmissionError, match="does not define item_pairs"):
        load_functions(path, SKEW)


def test_the_cluster_is_the_embedded_one() -> None:
    assert session.backend() == "embedded"
