"""Counters: what they say about hand-made tasks, and how they are read from Spark's page."""

import http.server
import json
import threading
from types import SimpleNamespace

import pytest

from sparklimits.errors import SparkLimitsError
from sparklimits.spark.counters import Counters
from tests.hand_made import task

#: One task as Spark 4.3's REST interface gives it (less the fields that nobody here reads).
REST_TASK = {
    "taskId": 7,
    "index": 3,
    "attempt": 0,
    "launchTime": "2026-01-31T12:00:02.500GMT",
    "duration": 1500,
    "executorId": "1",
    "status": "SUCCESS",
    "taskMetrics": {
        "executorRunTime": 1400,
        "jvmGcTime": 30,
        "memoryBytesSpilled": 4096,
        "diskBytesSpilled": 1024,
        "inputMetrics": {"bytesRead": 900, "recordsRead": 90},
        "shuffleReadMetrics": {"remoteBytesRead": 300, "localBytesRead": 200, "recordsRead": 40},
        "shuffleWriteMetrics": {"bytesWritten": 120, "writeTime": 5, "recordsWritten": 12},
    },
}
NOON = 1769860800.0  # 2026-01-31T12:00:00Z


def stage(*records, number=1):
    return [task(number, read=count) for count in records]


def test_the_straggler_ratio_is_heaviest_over_median():
    assert Counters(tasks=stage(10, 10, 10, 10, 200)).straggler_ratio() == 20.0
    assert Counters(tasks=stage(10, 10, 10, 10)).straggler_ratio() == 1.0


def test_all_work_in_one_task_is_no_balance():
    assert Counters(tasks=stage(500)).straggler_ratio() == 500.0
    assert Counters(tasks=stage(500, 500)).straggler_ratio(slots=2) == 2.0
    assert Counters(tasks=stage(500, 500)).straggler_ratio(slots=8) == 500.0


def test_without_a_shuffle_there_is_no_straggler():
    read_only = [task(input_records=1000, written=1000), task(input_records=5, written=5)]
    assert Counters(tasks=read_only).straggler() == []
    assert Counters(tasks=read_only).straggler_ratio() == 1.0
    assert Counters().straggler_ratio() == 1.0


def test_the_slot_ratio_is_the_largest_task_over_an_even_share():
    assert Counters(tasks=stage(100)).slot_ratio(slots=2) == 2.0
    assert Counters(tasks=stage(100)).slot_ratio(slots=8) == 8.0
    assert Counters(tasks=stage(50, 50)).slot_ratio(slots=2) == 1.0
    assert Counters(tasks=stage(75, 25)).slot_ratio(slots=2) == 1.5
    assert Counters(tasks=stage(*[10] * 16)).slot_ratio(slots=2) == 1.0
    assert Counters().slot_ratio() == 1.0


def test_the_slot_ratio_is_that_of_the_last_stage_with_the_data():
    file = [task(1, input_records=1000, written=1000)]
    even, sums = stage(500, 500, number=2), stage(2, number=3)
    assert Counters(tasks=file).slot_ratio() == 2.0
    assert Counters(tasks=file + even + sums).slot_ratio() == 1.0
    assert Counters(tasks=file + even + stage(1000, number=3)).slot_ratio() == 2.0


def test_the_stage_with_the_heaviest_task_counts():
    even, skewed = stage(100, 100, 100, 100, number=1), stage(1, 1, 1, 900, number=2)
    counters = Counters(tasks=even + skewed)
    assert counters.straggler() == skewed
    assert counters.straggler_ratio() == 900.0


def test_records_given_on_count_as_work():
    exploding = [task(read=10, written=10), task(read=10, written=990), *stage(20, 20, 20)]
    assert Counters(tasks=exploding).straggler_ratio() == 50.0


def test_stages_hold_their_tasks_in_order_of_time():
    first, second, later = task(1, start=0.0), task(1, start=1.0), task(3, start=0.5)
    stages = Counters(tasks=[later, second, first]).stages()
    assert list(stages.items()) == [(1, [first, second]), (3, [later])]


def test_the_summary_adds_up():
    tasks = [
        task(1, seconds=1.0, written=100, written_bytes=800, input_records=100, gc_seconds=0.25),
        *(task(2, seconds=0.5, read=10, remote_bytes=40, memory_spilled=7) for _ in range(3)),
        task(2, seconds=4.0, read=70, remote_bytes=60, memory_spilled=9, disk_spilled=3),
    ]
    assert Counters(jobs=2, tasks=tasks).summary() == {
        "jobs": 2,
        "tasks": 5,
        "input_records": 100,
        "shuffle_records": 100,
        "shuffle_bytes": 800,
        "remote_bytes": 180,
        "memory_spilled_bytes": 30,
        "disk_spilled_bytes": 3,
        "heaviest_task_records": 70,
        "median_task_records": 10,
        "straggler_ratio": 7.0,
        "slot_ratio": 1.4,
        "straggler_time_ratio": 8.0,
        "task_seconds": 6.5,
        "gc_seconds": 0.25,
    }


def test_the_summary_of_no_work_has_the_same_names_and_no_work():
    empty = Counters().summary()
    assert empty.keys() == Counters(tasks=stage(1, 2)).summary().keys()
    assert {name for name, value in empty.items() if value} == {"straggler_ratio", "slot_ratio"}


def test_counters_become_json():
    (plain,) = json.loads(json.dumps(Counters(tasks=stage(12)).as_json()))
    assert plain["read_records"] == 12
    assert plain["executor"] == "0"


def test_a_task_of_sparks_page_is_understood():
    found = page._task(5, REST_TASK, began=NOON)
    assert found == task(
        5, "1", start=2.5, seconds=1.4, read=40, written=12, input_records=90, read_bytes=500, remote_bytes=300,
        written_bytes=120, memory_spilled=4096, disk_spilled=1024, gc_seconds=0.03,
    )  # fmt: skip
    assert found.records == 52


class FakeContext:
    """As much of a SparkContext as ``collect`` uses, in front of a page of our own."""

    def __init__(self, url, jobs=()):
        self.applicationId = "app-1"
        self.uiWebUrl = url
        self.properties = {}
        self._jobs = list(jobs)

    def setJobGroup(self, group, label):  # noqa: N802
        self.properties = {"spark.jobGroup.id": group, "spark.job.description": label}

    def setLocalProperty(self, key, value):  # noqa: N802
        self.properties[key] = value

    def statusTracker(self):  # noqa: N802
        return SimpleNamespace(getJobIdsForGroup=lambda group: self._jobs)


@pytest.fixture
def page():
    """Serves the answers put into the dictionary it gives; a list is answered one element after the other."""
    answers = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.removeprefix("/api/v1/applications/app-1/")
            queue = answers.get(path)
            if queue is None:
                self.send_error(404)
                return
            body = queue.pop(0) if len(queue) > 1 else queue[0]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", answers
    server.shutdown()
    server.server_close()


def spark_at(url, jobs=()):
    return SimpleNamespace(sparkContext=FakeContext(url, jobs))


def test_collect_reads_the_tasks_of_the_group_once_the_job_has_ended(page):
    url, answers = page
    running = {"status": "RUNNING", "numActiveTasks": 1, "stageIds": [4, 5, 6]}
    answers["jobs/3"] = [running, running, {**running, "status": "SUCCEEDED", "numActiveTasks": 0}]
    answers["stages/4"] = [[{"status": "SKIPPED", "attemptId": 0}]]
    answers["stages/5"] = [[{"status": "COMPLETE", "attemptId": 1}]]
    answers["stages/5/1/taskList?length=100000"] = [[REST_TASK, {**REST_TASK, "status": "FAILED"}]]
    spark = spark_at(url, jobs=[3])
    with page.collect(spark, "pairs") as counters:
        assert spark.sparkContext.properties["spark.job.description"] == "pairs"
    assert counters.jobs == 1
    # Stage 4 was skipped, stage 6 is unknown to the page, and the failed attempt of the task does not count.
    assert [(one.stage, one.records) for one in counters.tasks] == [(5, 52)]
    assert set(spark.sparkContext.properties.values()) == {None}


def test_each_collection_has_a_group_of_its_own(page):
    spark = spark_at(page[0])
    groups = []
    for _ in range(2):
        with page.collect(spark):
            groups.append(spark.sparkContext.properties["spark.jobGroup.id"])
    assert groups[0] != groups[1]


def test_an_error_in_the_body_is_not_hidden_and_leaves_no_group(page):
    spark = spark_at(page[0], jobs=[99])
    with pytest.raises(ZeroDivisionError), page.collect(spark):
        _ = 1 / 0
    assert set(spark.sparkContext.properties.values()) == {None}


def test_a_dead_page_is_named_with_what_to_do():
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as closed:
        url = f"http://127.0.0.1:{closed.server_port}"
    with (
        pytest.raises(SparkLimitsError, match=rf"{url} does not answer.*Restart the kernel"),
        page.collect(spark_at(url, jobs=[0])),
    ):
        pass


def test_a_page_that_was_switched_off_is_named_too():
    with (
        pytest.raises(SparkLimitsError, match="does not answer"),
        page.collect(spark_at(None, jobs=[0])),
    ):
        pass


def test_a_page_that_answers_nonsense_is_named(page):
    url, answers = page
    answers["jobs/0"] = [b"<html>a proxy's login page</html>"]
    with (
        pytest.raises(SparkLimitsError, match="does not answer"),
        page.collect(spark_at(url, jobs=[0])),
    ):
        pass


def test_a_job_that_never_ends_is_reported(page, monkeypatch):
    url, answers = page
    answers["jobs/0"] = [{"status": "RUNNING", "numActiveTasks": 1, "stageIds": []}]
    monkeypatch.setattr(evidence.time, "sleep", lambda seconds: None)
    with (
        pytest.raises(SparkLimitsError, match="job 0 running"),
        page.collect(spark_at(url, jobs=[0])),
    ):
        pass
