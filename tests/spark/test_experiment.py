"""A lab measured for real on little data: results, counters, and how each function stands or falls alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from sparklimits.datasets import movielens
from sparklimits.errors import CandidateError, SparkLimitsError, SubmissionError
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs import find
from sparklimits.labs.lab2_skew.oracle import exact_trends
from sparklimits.measurement.experiment import Experiment, scale_from_environment
from sparklimits.measurement.plan import BASELINE, Plan
from sparklimits.notebook import partition_sizes
from sparklimits.spark import session
from tests.submissions import ROOT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LAB = find("lab2_skew")
REFERENCE = load_functions(reference_path(LAB), LAB)
MOVIELENS = ROOT.parent / "shared" / "data" / "ml-latest-small"
#: The protocol of a measurement, as short as it can be: these tests are about results and counters.
SHORT = Plan(warm_ups=(BASELINE,), looks=(2,), attempts=1)


@pytest.fixture
def experiment(spark: SparkSession) -> Experiment:
    return Experiment(LAB, spark, scale=0.1, seed=1, plan=SHORT)


def test_counters_show_the_limit_and_its_removal(spark: SparkSession) -> None:
    experiment = Experiment(LAB, spark, scale=0.2, seed=1)
    naive, fixed, other = (
        experiment.run(LAB.naive),
        experiment.run(REFERENCE),
        experiment.run(REFERENCE, "other"),
    )
    for run in (naive, fixed, other):
        assert run.quality.ok, run.quality.broken
    for one in LAB.exercises:
        assert naive.counters[one.name].straggler_ratio() >= 6
        assert fixed.counters[one.name].straggler_ratio() <= 1.6
        assert fixed.counters[one.name].slots == LAB.constraints.slots


def test_counters_repeat_exactly_on_the_same_data(spark: SparkSession) -> None:
    def shuffled() -> tuple[float, ...]:
        summary = Experiment(LAB, spark, scale=0.1, seed=5).run(LAB.naive).merged.summary()
        return tuple(
            summary[name] for name in ("tasks", "input_records", "shuffle_records", "heaviest_task_records")
        )

    assert shuffled() == shuffled()


def test_no_two_runs_have_the_same_data(experiment: Experiment) -> None:
    sizes = [len(experiment.fresh()) for _ in range(5)]
    assert len(set(sizes)) == 5
    assert max(sizes) / min(sizes) < 1.08


def test_a_right_fix_earns_by_its_counters_and_a_wrong_one_costs_only_itself(experiment: Experiment) -> None:
    def item_pairs(ratings: Any) -> Any:
        return LAB.naive["item_pairs"](ratings.limit(100))

    result = experiment.measure({**REFERENCE, "item_pairs": item_pairs})
    assert result.verdict == "wrong"
    assert "item_pairs: the counts are off" in result.reasons[0]
    assert result.pairs == 2
    assert (result.share("item_trends"), result.share("item_pairs")) == (1.0, 0.0)


def test_an_error_in_one_function_costs_only_itself(experiment: Experiment) -> None:
    def item_trends(ratings: Any) -> Any:
        return ratings.select("no_such_column")

    result = experiment.measure({**REFERENCE, "item_trends": item_trends})
    assert result.verdict == "failed"
    assert result.reasons[0].startswith("item_trends: AnalysisException")
    assert "\n" not in result.reasons[0]
    assert (result.share("item_trends"), result.share("item_pairs")) == (0.0, 1.0)


def test_when_no_function_is_left_nothing_is_measured(experiment: Experiment) -> None:
    def stops(ratings: Any) -> Any:
        raise SystemExit("enough")

    absent = {"item_pairs": "item_pairs is not defined: its cell was not run, or ended with an error"}
    result = experiment.measure({"item_trends": stops}, absent)
    assert result.verdict == "failed"
    assert sorted(result.reasons) == [absent["item_pairs"], "item_trends: SystemExit: enough"]
    assert result.as_json()["speedup"] is None
    assert set(result.shares.values()) == {0.0}


def test_something_that_is_no_dataframe_is_refused(experiment: Experiment) -> None:
    with pytest.raises(CandidateError, match="item_pairs: returned list, not a DataFrame of Spark or pandas"):
        experiment.run({"item_pairs": lambda ratings: []})


def test_a_result_that_cannot_be_compared_is_wrong(experiment: Experiment) -> None:
    class Odd:
        def __lt__(self, other: object) -> bool:
            raise ValueError("no order")

    def item_pairs(ratings: Any) -> pd.DataFrame:
        return pd.DataFrame({"item_a": [1, 1], "item_b": [Odd(), Odd()], "users": [30, 30]}, dtype=object)

    quality = experiment.run({"item_pairs": item_pairs}).quality
    assert not quality.ok
    assert quality.broken[0].startswith("item_pairs: ")


def test_counts_written_on_a_table_do_not_replace_sparks(experiment: Experiment) -> None:
    def item_pairs(ratings: Any) -> pd.DataFrame:
        table = LAB.naive["item_pairs"](ratings).toPandas()
        table.attrs["counters"] = {"jobs": 0, "straggler_ratio": 1.0, "shuffle_records": 10}
        return table

    run = experiment.run({"item_pairs": item_pairs})
    assert run.results["item_pairs"].attrs == {}
    counted = run.counters["item_pairs"].summary()
    assert counted["jobs"] > 0
    assert counted["straggler_ratio"] > 6


def test_work_of_threads_is_counted_and_work_that_is_left_running_is_told(experiment: Experiment) -> None:
    import threading

    def beside(ratings: Any) -> None:
        ratings.sparkSession.sparkContext.parallelize(range(10), 2).sum()

    def with_threads(ratings: Any) -> Any:
        threads = [threading.Thread(target=beside, args=(ratings,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return LAB.naive["item_pairs"](ratings)

    alone = experiment.run({"item_pairs": LAB.naive["item_pairs"]}).counters["item_pairs"].jobs
    assert experiment.run({"item_pairs": with_threads}).counters["item_pairs"].jobs == alone + 3

    def leaves_one(ratings: Any) -> Any:
        import time

        def slow(number: int) -> int:
            time.sleep(60)
            return number

        rdd = ratings.sparkSession.sparkContext.parallelize([1], 1).map(slow)
        threading.Thread(target=lambda: _quietly(rdd.sum), daemon=True).start()
        return LAB.naive["item_pairs"](ratings)

    with pytest.raises(CandidateError, match=r"item_pairs: job \d+ of Spark still runs .* cancelled"):
        experiment.run({"item_pairs": leaves_one})


def _quietly(work: Any) -> None:
    import contextlib

    with contextlib.suppress(Exception):
        work()


def test_work_that_left_the_cluster_is_suspicious(experiment: Experiment, spark: SparkSession) -> None:
    def item_trends(ratings: Any) -> Any:
        return spark.createDataFrame(exact_trends(ratings.toPandas()))

    result = experiment.measure({**REFERENCE, "item_trends": item_trends})
    assert result.verdict == "suspicious"
    assert "item_trends: shuffle records of the cluster: none" in result.reasons[0]
    assert (result.share("speed"), result.share("item_trends"), result.share("item_pairs")) == (0.0, 0.0, 1.0)


def test_a_setting_changed_by_the_candidate_is_gone_for_the_baseline(
    experiment: Experiment, spark: SparkSession
) -> None:
    seen = []

    def item_trends(ratings: Any) -> Any:
        seen.append(spark.conf.get("spark.sql.shuffle.partitions"))
        spark.conf.set("spark.sql.shuffle.partitions", "1")
        return LAB.naive["item_trends"](ratings)

    for _ in range(2):
        experiment.run({"item_trends": item_trends})
    assert seen == ["16", "16"]


@pytest.mark.skipif(not MOVIELENS.is_dir(), reason="the real MovieLens latest-small is not on this machine")
def test_real_ratings_are_measured_as_generated_ones(spark: SparkSession) -> None:
    whole = movielens.load(MOVIELENS)
    few = whole[whole["user_id"].isin(whole["user_id"].unique()[:60])]
    result = Experiment(LAB, spark, real=few, plan=SHORT).measure(REFERENCE)
    assert result.pairs == 2
    assert result.verdict in ("passed", "partial", "failed", "inconclusive"), result.reasons
    before, after = (result.arms[arm].functions["item_pairs"] for arm in ("baseline", "candidate"))
    assert before["straggler_ratio"] > 1.5 * after["straggler_ratio"]


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


def test_functions_from_a_python_file(tmp_path: Path, experiment: Experiment) -> None:
    path = tmp_path / "mine.py"
    path.write_text("from sparklimits.labs.lab2_skew.naive import item_pairs, item_trends\n")
    assert experiment.run(load_functions(path, LAB)).quality.ok
    path.write_text("def item_trends(ratings): ...\n")
    with pytest.raises(SubmissionError, match="does not define item_pairs"):
        load_functions(path, LAB)


def test_the_cluster_is_the_embedded_one() -> None:
    assert session.backend() == "embedded"
