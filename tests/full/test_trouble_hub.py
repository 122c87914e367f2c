"""Jupyter's server with what the course adds to it, below a hub's prefix: Spark's page, views, kernels, Validate.

Another server stands for Spark's page, and shows what it was asked.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPMessage
from pathlib import Path

import nbformat
import pytest
from nbgrader.utils import is_solution

from sparklimits.machine import jupyter_files
from tests import browser
from tests.ports import free_ports
from tests.submissions import released

LAB = "lab0_measuring"
TOKEN = "of-this-test"
PREFIX = "/user/ann"


class SparksPage(http.server.BaseHTTPRequestHandler):
    """Answers as Spark does to who has no token, at its first page, with a link to a log, and else with the headers."""

    def do_GET(self) -> None:
        headers = dict(self.headers)
        if headers.get("Authorization") != "Bearer of-spark":
            self._answer(403, b"")
        elif self.path == "/":
            self._answer(302, b"", Location=f"http://{headers['Host']}/jobs/")
        elif self.path == "/executors/":
            port = self.server.server_address[1]
            self._answer(
                200,
                f"<a href='http://127.0.0.1:{port}/logPage/?id=0'>log</a>".encode(),
                **{"Content-Type": "text/html"},
            )
        else:
            told = {"path": self.path, "headers": headers}
            self._answer(200, json.dumps(told).encode(), **{"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Server:
    """A server of Jupyter: its address, the folder of its user, and where Spark's page is told to it."""

    address: str
    home: Path
    pages: Path

    def get(self, path: str, **headers: str) -> tuple[int, HTTPMessage, str]:
        """What it answers, without following a redirect."""
        request = urllib.request.Request(f"{self.address}{path}", headers=headers)
        try:
            with _opener.open(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def asked(self, path: str, **headers: str) -> tuple[int, HTTPMessage, str]:
        """The same, logged in."""
        return self.get(path, Authorization=f"token {TOKEN}", Cookie="secret=of-jupyter", **headers)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`sparklimits lab` for somebody whose home has kernels of their own."""
    folder = tmp_path_factory.mktemp("course")
    browser.course_folder(folder, released(LAB), LAB)
    home = folder / "home"
    for name in ("python3", "other"):
        kernel = home / ".local" / "share" / "jupyter" / "kernels" / name
        kernel.mkdir(parents=True)
        (kernel / "kernel.json").write_text(
            json.dumps(
                {"argv": ["/theirs", "{connection_file}"], "display_name": "Theirs", "language": "python"}
            )
        )
    (port,) = free_ports(1)
    pages = folder / "runtime"
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "SPARKLIMITS"))
    }
    command = [str(Path(sys.executable).with_name("sparklimits")), "lab", "--no-browser", "--port", str(port)]
    command += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.base_url={PREFIX}/"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            env={
                **kept, "HOME": str(home), "SPARKLIMITS_HOME": str(folder), "SPARKLIMITS_SCALE": "0.1",
                "JUPYTER_RUNTIME_DIR": str(pages), "SHELL": shutil.which("bash") or "/bin/sh",
            },
        )  # fmt: skip
    found = Server(f"http://127.0.0.1:{port}{PREFIX}", home, pages)

    def answers() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        with contextlib.suppress(OSError):
            return found.asked("/api/status")[0] == 200
        return False

    try:
        browser.wait("Jupyter's server", 90, answers)
        yield found
    finally:
        browser._end(process)


@pytest.fixture
def page(server: Server) -> Iterator[tuple[str, int]]:
    """Spark's page, told to the server: its path there and its port."""
    spark = http.server.ThreadingHTTPServer(("127.0.0.1", 0), SparksPage)
    threading.Thread(target=spark.serve_forever, daemon=True).start()
    port = spark.server_address[1]
    told = server.pages / "sparklimits-0abc.json"
    told.write_text(
        json.dumps({"host": "127.0.0.1", "port": port, "headers": {"Authorization": "Bearer of-spark"}})
    )
    yield "/sparklimits/spark/0abc", port
    told.unlink(missing_ok=True)
    spark.shutdown()


def test_sparks_page_comes_through_the_server_with_the_token_and_without_jupyters(
    server: Server, page: tuple[str, int]
) -> None:
    path, _ = page
    status, _, body = server.asked(f"{path}/jobs/?id=1")
    told = json.loads(body)
    assert status == 200
    assert told["path"] == "/jobs/?id=1"
    assert told["headers"]["Authorization"] == "Bearer of-spark"
    assert told["headers"]["X-Forwarded-Context"] == PREFIX + path  # Spark makes its links from it
    assert "Cookie" not in told["headers"]


def test_redirects_and_logs_stay_behind_the_server(server: Server, page: tuple[str, int]) -> None:
    path, port = page
    status, headers, _ = server.asked(f"{path}/")
    assert (status, headers["Location"]) == (302, f"{PREFIX}{path}/jobs/")
    assert server.asked(path)[1]["Location"] == f"{PREFIX}{path}/"
    assert f"'{PREFIX}{path}/worker/{port}/logPage/?id=0'" in server.asked(f"{path}/executors/")[2]
    status, _, body = server.asked(f"{path}/worker/{port}/logPage/?id=0")
    assert (status, json.loads(body)["path"]) == (200, "/logPage/?id=0")


def test_nobody_else_sees_the_page(server: Server, page: tuple[str, int]) -> None:
    path, port = page
    status, headers, _ = server.get(f"{path}/jobs/")
    assert status == 302
    assert "/login?" in headers["Location"]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        _opener.open(f"http://127.0.0.1:{port}/jobs/", timeout=20)


def test_the_page_of_a_session_that_has_ended_is_told_in_a_sentence(
    server: Server, page: tuple[str, int]
) -> None:
    assert server.asked("/sparklimits/spark/0def/jobs/")[0] == 404
    (server.pages / "sparklimits-0def.json").write_text(
        json.dumps({"host": "127.0.0.1", "port": free_ports(1)[0], "headers": {}})
    )
    status, _, body = server.asked("/sparklimits/spark/0def/jobs/")
    assert status == 502
    assert body.startswith("This session of Spark has ended.")


def test_the_courses_kernel_is_there_beside_a_users_own(server: Server) -> None:
    specs = json.loads(server.asked("/api/kernelspecs")[2])["kernelspecs"]
    assert specs[jupyter_files.KERNEL]["spec"]["argv"][0] == "python"
    assert specs["other"]["spec"]["argv"][0] == "/theirs"
    assert specs["python3"]["spec"]["argv"][0] != "/theirs"  # old notebooks ask for it


def test_a_student_sees_nothing_for_instructors(server: Server) -> None:
    lab = server.asked("/lab")[2]
    for name in ("create-assignment", "formgrader", "course-list"):
        assert f'"@jupyter/nbgrader:{name}"' in lab[lab.index("disabledExtensions") :]
    assert server.asked("/formgrader")[0] == 404


def test_validate_answers_while_the_server_goes_on(server: Server) -> None:
    """A notebook that is not a lab's is refused at once, in a sentence; one that sleeps does not hold the server."""
    work = Path(json.loads(server.asked("/api/contents/")[2])["content"][0]["path"])
    assert not work.is_absolute()
    notebook = server.home.parent / "work" / LAB / f"{LAB}.ipynb"
    sleeping = released(LAB)
    for cell in sleeping.cells:
        if cell.cell_type == "code" and (not cell.metadata.get("nbgrader") or is_solution(cell)):
            cell.source = ""  # a function that is not there needs no measurement
    next(
        one for one in sleeping.cells if one.cell_type == "code" and not one.metadata.get("nbgrader")
    ).source = "import time; time.sleep(8)"
    browser.nbformat.write(sleeping, notebook)
    answers: list[str] = []

    def validate() -> None:
        request = urllib.request.Request(
            f"{server.address}/assignments/validate?path={LAB}/{LAB}.ipynb", data=b"",
            headers={"Authorization": f"token {TOKEN}"},
        )  # fmt: skip
        with _opener.open(request, timeout=600) as answer:
            answers.append(answer.read().decode())

    thread = threading.Thread(target=validate)
    thread.start()
    longest = 0.0
    while thread.is_alive():
        began = time.monotonic()
        assert server.asked("/api/status")[0] == 200
        longest = max(longest, time.monotonic() - began)
        time.sleep(0.5)
    assert longest < 3
    failed = json.loads(json.loads(answers[0])["value"])["failed"]
    assert "score" in failed[-1]["error"]
    assert {one["source"].split(":")[0] for one in failed} >= {"prediction_points", "questions_points"}


def test_a_notebook_that_is_no_labs_is_told_so(server: Server) -> None:
    mine = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")])
    nbformat.write(mine, server.home.parent / "work" / LAB / "mine.ipynb")
    request = urllib.request.Request(
        f"{server.address}/assignments/validate?path={LAB}/mine.ipynb", data=b"",
        headers={"Authorization": f"token {TOKEN}"},
    )  # fmt: skip
    with _opener.open(request, timeout=60) as answer:
        told = json.loads(answer.read())
    assert told["success"] is False
    assert "is not named like a lab" in told["value"]
