"""Spark's counters as its page tells them: all jobs of an interval, or an error that says what is wrong."""

import contextlib
import http.server
import json
import threading
from types import SimpleNamespace

import pytest

from sparklimits.errors import MachineError, WorkLeftRunningError
from sparklimits.spark import page
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
        "resultSize": 2048,
        "memoryBytesSpilled": 4096,
        "diskBytesSpilled": 1024,
        "inputMetrics": {"bytesRead": 900, "recordsRead": 90},
        "shuffleReadMetrics": {"remoteBytesRead": 300, "localBytesRead": 200, "recordsRead": 40},
        "shuffleWriteMetrics": {"bytesWritten": 120, "writeTime": 5, "recordsWritten": 12},
    },
}
NOON = 1769860800.0  # 2026-01-31T12:00:00Z


def test_a_task_of_sparks_page_is_understood():
    found = page._task(5, REST_TASK, began=NOON, returned=True)
    assert found == task(
        5, "1", start=2.5, seconds=1.4, read=40, written=12, input_records=90, read_bytes=500, remote_bytes=300,
        written_bytes=120, memory_spilled=4096, disk_spilled=1024, gc_seconds=0.03, result_bytes=2048,
    )  # fmt: skip
    assert found.records == 52


class FakeContext:
    """As much of a SparkContext as ``collect`` uses, in front of a page of our own; ``jobs`` were started so far."""

    def __init__(self, url, jobs=0):
        self.applicationId = "app-1"
        self.uiWebUrl = url
        self.master = "local-cluster[2,2,1024]"
        self.properties = {}
        self.jobs = jobs
        self.cancelled = False
        scheduler = SimpleNamespace(numTotalJobs=lambda: self.jobs)
        self._jsc = SimpleNamespace(sc=lambda: SimpleNamespace(dagScheduler=lambda: scheduler))

    def setJobDescription(self, label):  # noqa: N802
        self.properties["spark.job.description"] = label

    def setLocalProperty(self, key, value):  # noqa: N802
        self.properties[key] = value

    def cancelAllJobs(self):  # noqa: N802
        self.cancelled = True


@pytest.fixture
def answers():
    """A page of our own at ``answers["url"]``: its answers by path; a list is answered one element after the other."""
    found = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            path = self.path.removeprefix("/api/v1/applications/app-1/")
            queue = found.get(path)
            if queue is None:
                self.send_error(404)
                return
            body = queue.pop(0) if len(queue) > 1 else queue[0]
            text = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    found["url"] = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()


def spark_at(url, jobs=0):
    return SimpleNamespace(sparkContext=FakeContext(url, jobs))


@contextlib.contextmanager
def collected(spark, starts):
    """An interval in which so many jobs are started, from whatever thread."""
    with page.collect(spark, "pairs") as counters:
        spark.sparkContext.jobs += starts
        yield counters


def job(*stages, status="SUCCEEDED", active=0):
    return {"status": status, "numActiveTasks": active, "stageIds": list(stages), "numCompletedStages": 1}


def test_all_jobs_of_the_interval_are_read_once_they_have_ended(answers):
    running = job(4, 5, 6, status="RUNNING", active=1)
    answers["jobs/3"] = [running, running, job(4, 5, 6)]
    answers["stages/4?details=false"] = [[{"status": "SKIPPED", "attemptId": 0}]]
    answers["stages/5?details=false"] = [[{"status": "COMPLETE", "attemptId": 1, "numCompleteTasks": 1}]]
    answers["stages/5/1/taskList?length=1000000"] = [[REST_TASK, {**REST_TASK, "status": "FAILED"}]]
    spark = spark_at(answers["url"], jobs=3)
    with collected(spark, 1) as counters:
        assert spark.sparkContext.properties["spark.job.description"] == "pairs"
    assert (counters.jobs, counters.forgotten, counters.slots) == (1, 0, 4)
    # Stage 4 was skipped, stage 6 is unknown to the page, and the failed attempt of the task does not count.
    assert [(one.stage, one.records) for one in counters.tasks] == [(5, 52)]
    assert set(spark.sparkContext.properties.values()) == {None}


def test_the_page_may_hear_of_a_job_a_little_later(answers):
    answers["jobs/0"] = [job()]
    answers["jobs/1"] = [{**job(), "numCompletedStages": 0}]
    spark = spark_at(answers["url"])
    late = answers.pop("jobs/1")
    threading.Timer(0.2, answers.update, [{"jobs/1": late}]).start()
    answers["jobs/0"] = [{**job(), "numCompletedStages": 0}]
    with collected(spark, 2) as counters:
        pass
    assert (counters.jobs, counters.forgotten) == (2, 0)


def test_jobs_and_stages_that_the_page_has_forgotten_are_counted_and_told(answers):
    answers["jobs/2"] = [job(7)]  # jobs 0 and 1 are gone, and stage 7 of job 2 is
    spark = spark_at(answers["url"])
    with collected(spark, 3) as counters:
        pass
    assert (counters.jobs, counters.forgotten, counters.tasks) == (3, 3, [])


def test_a_stage_with_more_tasks_than_the_page_holds_is_incomplete(answers):
    answers["jobs/0"] = [job(5)]
    answers["stages/5?details=false"] = [
        [{"status": "COMPLETE", "attemptId": 0, "numCompleteTasks": 100_001}]
    ]
    answers["stages/5/0/taskList?length=1000000"] = [[REST_TASK]]
    with collected(spark_at(answers["url"]), 1) as counters:
        pass
    assert (counters.jobs, counters.forgotten, len(counters.tasks)) == (1, 1, 1)


@pytest.mark.shows("page_forgot")
def test_a_list_of_tasks_that_has_gone_meanwhile_is_named(answers):
    answers["jobs/0"] = [job(5)]
    answers["stages/5?details=false"] = [[{"status": "COMPLETE", "attemptId": 0, "numCompleteTasks": 1}]]
    with (
        pytest.raises(MachineError, match="does not know stages/5/0/taskList"),
        collected(spark_at(answers["url"]), 1),
    ):
        pass


def test_an_error_in_the_body_is_not_hidden_and_leaves_no_description(answers):
    spark = spark_at(answers["url"])
    with pytest.raises(ZeroDivisionError), page.collect(spark):
        _ = 1 / 0
    assert set(spark.sparkContext.properties.values()) == {None}


@pytest.mark.shows("page_silent")
def test_a_dead_page_is_a_fault_of_the_machine_with_what_to_do():
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as closed:
        url = f"http://127.0.0.1:{closed.server_port}"
    with (
        pytest.raises(MachineError, match=rf"{url} does not answer.*Restart the kernel"),
        collected(spark_at(url), 1),
    ):
        pass


def test_a_page_that_was_switched_off_is_named_too():
    with pytest.raises(MachineError, match="does not answer"), collected(spark_at(None), 1):
        pass


def test_a_page_that_answers_nonsense_is_named(answers):
    answers["jobs/0"] = [b"<html>a proxy's login page</html>"]
    with pytest.raises(MachineError, match="does not answer"), collected(spark_at(answers["url"]), 1):
        pass


@pytest.mark.shows("silent")
def test_a_session_that_is_dead_is_named():
    spark = spark_at("http://127.0.0.1:9")
    spark.sparkContext._jsc = None
    with (
        pytest.raises(MachineError, match=r"Spark does not answer any more.*Restart the kernel"),
        page.collect(spark),
    ):
        pass


@pytest.mark.shows("work_left")
def test_a_job_that_goes_on_when_the_work_has_returned_is_cancelled_and_told(answers, monkeypatch):
    answers["jobs/0"] = [job(status="RUNNING", active=1)]
    monkeypatch.setattr(page, "LINGER", 0.1)
    spark = spark_at(answers["url"])
    with pytest.raises(WorkLeftRunningError, match="Job 0 of Spark still runs"), collected(spark, 1):
        pass
    assert spark.sparkContext.cancelled


def test_the_page_is_not_asked_through_a_proxy(answers, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.delenv("no_proxy", raising=False)
    answers["jobs/0"] = [{**job(), "numCompletedStages": 0}]
    with collected(spark_at(answers["url"]), 1) as counters:
        pass
    assert counters.jobs == 1
