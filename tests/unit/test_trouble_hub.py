"""Hubs and remote servers: links, kernels, folders and views, as they are where somebody else runs Jupyter."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urljoin

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager

from sparklimits import cli, labs
from sparklimits.containers import image
from sparklimits.grading.check import Mark
from sparklimits.machine import jupyter_files, paths
from sparklimits.spark import guard, session
from sparklimits.student import jupyter, server, spark_page, validation, workspace
from tests.submissions import ROOT

LAB = "lab2_skew"


# Spark's page


@pytest.fixture
def told(monkeypatch, tmp_path):
    """No server of Jupyter, no hub, and a folder of our own for what is told to one."""
    for name in (guard.PAGES, "JUPYTERHUB_SERVICE_PREFIX", "SPARKLIMITS_MASTER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    return tmp_path / "runtime"


SPARK = SimpleNamespace(sparkContext=SimpleNamespace(uiWebUrl="http://localhost:4040"))


@pytest.mark.parametrize(
    ("variable", "value", "starts"),
    [
        (guard.PAGES, "/sparklimits/spark/", "/sparklimits/spark/"),
        (guard.PAGES, "/user/ann/sparklimits/spark/", "/user/ann/sparklimits/spark/"),
        ("JUPYTERHUB_SERVICE_PREFIX", "/jupyter/user/ann/", "/jupyter/user/ann/sparklimits/spark/"),
    ],
)
def test_the_link_leads_through_jupyters_server_wherever_that_is(told, monkeypatch, variable, value, starts):
    monkeypatch.setenv(variable, value)
    link = session.page_address(SPARK)
    assert link.startswith(starts)
    assert link.endswith("/jobs/")  # not a redirect: its address is made from a name that may be wrong
    assert "/proxy/" not in link  # the scripts of Spark's page read that word as "an application follows"
    assert session.page_address(SPARK) == link  # also after a session that had to be started anew


def test_without_a_server_the_link_is_the_address_on_this_machine(told):
    assert session.page_address(SPARK) == "http://localhost:4040"


def test_the_key_of_the_page_is_on_no_command_line_and_in_no_file_of_others(told, tmp_path):
    (tmp_path / "conf").mkdir()
    guard.write(tmp_path / "conf")
    file = tmp_path / "conf" / "spark-defaults.conf"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    settings = dict(line.split(" ", 1) for line in file.read_text().splitlines())
    assert settings["spark.ui.filters"] == "org.apache.spark.ui.JWSFilter"
    assert settings["spark.ui.killEnabled"] == "false"
    # The token is what RFC 7515 calls a JSON Web Signature with this key.
    signed, signature = guard.headers()["Authorization"].removeprefix("Bearer ").rsplit(".", 1)
    key, found = (
        base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        for text in (settings["spark.org.apache.spark.ui.JWSFilter.param.secretKey"], signature)
    )
    assert len(key) >= 32
    assert hmac.compare_digest(hmac.digest(key, signed.encode(), hashlib.sha256), found)


def test_the_page_is_open_only_where_nobody_could_hand_it_on(told, tmp_path, monkeypatch):
    monkeypatch.setattr(guard, "_in_notebook", lambda: True)  # in VS Code, which has no server of Jupyter
    guard.write(tmp_path)
    assert (tmp_path / "spark-defaults.conf").read_text() == ""
    assert guard.headers() == {}
    monkeypatch.setenv(guard.PAGES, "/sparklimits/spark/")
    assert "JWSFilter" in (guard.write(tmp_path) or (tmp_path / "spark-defaults.conf").read_text())
    monkeypatch.setenv("SPARKLIMITS_MASTER", "yarn")  # its own proxy would be refused
    assert guard.headers() == {}


def test_what_the_server_is_told_is_for_its_user_alone_and_goes_with_the_session(told, monkeypatch):
    monkeypatch.setenv(guard.PAGES, "/sparklimits/spark/")
    guard.share("http://localhost:4040")
    (file,) = told.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text()) == {"host": "localhost", "port": 4040, "headers": guard.headers()}
    assert file.name.removeprefix("sparklimits-").removesuffix(".json") in guard.link()
    guard.unshare()
    assert list(told.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="no /proc/net/tcp on this machine")
def test_a_port_that_another_user_has_taken_is_not_asked(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert not spark_page.belongs_to_another(port)
        monkeypatch.setattr(spark_page.os, "getuid", lambda: 54321)
        assert spark_page.belongs_to_another(port)
    assert not spark_page.belongs_to_another(port)  # nobody: then it does not answer, which is told otherwise


# The kernel


def test_every_notebook_asks_for_the_courses_own_kernel():
    for path in [*ROOT.glob("labs/*/*.ipynb"), *ROOT.glob("solutions/*/*.ipynb")]:
        assert nbformat.read(path, as_version=4).metadata.kernelspec.name == jupyter_files.KERNEL, path


def test_a_users_own_kernels_do_not_beat_the_courses(tmp_path, monkeypatch):
    jupyter_files.put(tmp_path / "venv")
    theirs = tmp_path / "home" / "kernels" / "python3"
    theirs.mkdir(parents=True)
    (theirs / "kernel.json").write_text(json.dumps({"argv": ["/theirs/python"], "display_name": "Python 3"}))
    manager = KernelSpecManager()
    manager.kernel_dirs = [str(theirs.parent), str(tmp_path / "venv" / "share" / "jupyter" / "kernels")]
    argv = manager.get_kernel_spec(jupyter_files.KERNEL).argv
    assert argv[:3] == ["python", "-m", "ipykernel_launcher"]  # Jupyter puts its own interpreter for `python`


def test_set_up_puts_what_jupyter_looks_for_and_is_content_where_it_may_not(tmp_path):
    jupyter_files.put(tmp_path)
    added = json.loads((tmp_path / "etc/jupyter/jupyter_server_config.d/sparklimits.json").read_text())
    extensions = added["ServerApp"]["jpserver_extensions"]
    assert extensions["sparklimits.student.server"] is True
    assert extensions["nbgrader.server_extensions.validate_assignment"] is False
    (tmp_path / "file").write_text("")
    jupyter_files.put(tmp_path / "file")  # no folder can be made there


# Folders


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """A course that belongs to somebody else, read-only, and a home of our own."""
    course = tmp_path / "course"
    for name in ("labs", "course"):
        shutil.copytree(ROOT / name, course / name)
    shutil.copy(ROOT / "nbgrader_config.py", course)
    for path in course.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    monkeypatch.setenv("SPARKLIMITS_HOME", str(course))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("SPARKLIMITS_WORK", "SPARKLIMITS_TMP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(paths.os, "geteuid", lambda: course.stat().st_uid + 1)
    yield course
    for path in course.rglob("*"):
        path.chmod(0o755)


def test_the_guest_of_a_shared_course_works_in_a_folder_of_their_own(shared, tmp_path):
    work = workspace.prepare()
    assert work == tmp_path / "home" / "sparklimits"
    notebook = work / LAB / f"{LAB}.ipynb"
    for path in (work, notebook.parent, notebook):
        assert path.stat().st_mode & stat.S_IWUSR, path
    assert paths.bases()[0] == tmp_path / "home" / ".cache" / "sparklimits"
    assert workspace.reset(LAB).parent == work
    assert not (shared / "work").exists()


def test_two_who_share_a_folder_that_both_may_write_get_one_each(shared, tmp_path):
    (shared / "work").mkdir()
    (shared / "work").chmod(0o777)
    assert workspace.work_folder() == tmp_path / "home" / "sparklimits"


def test_a_folder_can_be_chosen_and_one_that_cannot_be_made_is_told(shared, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SPARKLIMITS_WORK", str(tmp_path / "mine"))
    assert workspace.prepare() == tmp_path / "mine"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPARKLIMITS_WORK", str(tmp_path / "file"))
    assert cli.main(["reset", LAB]) == 1
    told = capsys.readouterr().err
    assert f"cannot be written to {tmp_path / 'file'}" in told
    assert "Set SPARKLIMITS_WORK" in told
    assert told.count("\n") == 1


def test_a_venv_that_many_share_leads_to_its_course(tmp_path, monkeypatch):
    monkeypatch.delenv("SPARKLIMITS_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert paths.project_root() == Path(paths.__file__).resolve().parents[3]


def test_temporary_files_stay_out_of_a_folder_that_is_handed_in(tmp_path, monkeypatch):
    monkeypatch.delenv("SPARKLIMITS_HOME", raising=False)
    monkeypatch.setattr(
        paths, "__file__", str(tmp_path / "venv" / "lib" / "sparklimits" / "machine" / "paths.py")
    )
    monkeypatch.chdir(tmp_path)  # no course: a folder with a notebook
    monkeypatch.setenv("HOME", str(tmp_path))
    assert paths.bases()[0] == tmp_path / ".cache" / "sparklimits"


# The course's pages


def test_links_to_the_courses_pages_work_in_the_checkout_and_in_jupyterlab(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARKLIMITS_HOME", str(ROOT))
    monkeypatch.setenv("SPARKLIMITS_WORK", str(tmp_path / "work"))
    work = workspace.prepare()
    found = 0
    for lab in labs.ids():
        notebook = nbformat.read(ROOT / "labs" / lab / f"{lab}.ipynb", as_version=4)
        for link in re.findall(r"\]\(([^)#:]+)\)", "\n".join(cell.source for cell in notebook.cells)):
            assert (ROOT / "labs" / lab / link).is_file(), link
            # JupyterLab and browsers do not go above their top folder.
            assert (work / urljoin(f"http://top/{lab}/", link).removeprefix("http://top/")).is_file(), link
            found += 1
        assert not any("`course/" in cell.source for cell in notebook.cells), (
            f"{lab} names a page without a link"
        )
    assert found >= 7


def test_pages_are_as_new_each_time_and_work_is_not(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARKLIMITS_HOME", str(ROOT))
    monkeypatch.setenv("SPARKLIMITS_WORK", str(tmp_path))
    workspace.prepare()
    (tmp_path / "course" / "glossary.md").write_text("old")
    (tmp_path / LAB / f"{LAB}.ipynb").write_text("mine")
    workspace.prepare()
    assert (tmp_path / "course" / "glossary.md").read_text() == (ROOT / "course" / "glossary.md").read_text()
    assert (tmp_path / LAB / f"{LAB}.ipynb").read_text() == "mine"


# Views and terminals


class Calls(list):
    """What was started; each ends with the next of these codes, or with 0."""

    codes: tuple[int, ...] | list[int] = ()

    def __call__(self, command, **rest):
        self.append(SimpleNamespace(command=command, **rest))
        return self.codes[len(self) - 1] if len(self) <= len(self.codes) else 0


@pytest.fixture
def started(tmp_path, monkeypatch):
    """What would be started, instead of starting it."""
    monkeypatch.setenv("SPARKLIMITS_HOME", str(ROOT))
    monkeypatch.setenv("SPARKLIMITS_WORK", str(tmp_path / "work"))
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
    monkeypatch.delenv("JUPYTER_CONFIG_PATH", raising=False)
    calls = Calls()
    monkeypatch.setattr(jupyter.jupyter_files, "put", lambda prefix: None)
    monkeypatch.setattr(jupyter.subprocess, "call", calls)
    return calls


def disabled(call: SimpleNamespace) -> tuple[set[str], set[str]]:
    """What nbgrader's parts in the browser, and in the server, are switched off by the settings of a call."""
    front, back = set(), set()
    for folder in map(Path, call.env["JUPYTER_CONFIG_PATH"].split(os.pathsep)):
        if (page := folder / "labconfig" / "page_config.json").is_file():
            front |= {name for name, off in json.loads(page.read_text())["disabledExtensions"].items() if off}
        for file in folder.glob("jupyter_server_config.d/*.json"):
            parts = json.loads(file.read_text())["ServerApp"]["jpserver_extensions"]
            back |= {name for name, on in parts.items() if not on}
    return front, back


def test_students_and_instructors_have_a_view_each(started, tmp_path):
    assert cli.main(["lab", "--port", "9000"]) == 0
    assert cli.main(["teach"]) == 0
    lab, teach = started
    assert lab.cwd == tmp_path / "work"
    assert lab.command[-2:] == ["--port", "9000"]
    front, back = disabled(lab)
    assert front >= {"@jupyter/nbgrader:create-assignment", "@jupyter/nbgrader:formgrader"}
    assert "nbgrader.server_extensions.formgrader" in back
    assert teach.cwd == ROOT
    assert disabled(teach) == (set(), set())
    assert lab.env["JUPYTER_PREFER_ENV_PATH"] == "1"
    for call in started:  # a page that a notebook leads to is shown, not edited
        (both,) = [one for one in call.env["JUPYTER_CONFIG_PATH"].split(os.pathsep) if one.endswith("both")]
        overrides = json.loads((Path(both) / "labconfig" / "default_setting_overrides.json").read_text())
        assert (
            overrides["@jupyterlab/docmanager-extension:plugin"]["defaultViewers"]["markdown"]
            == "Markdown Preview"
        )
        # The kernel of a tab that is closed would keep two gigabytes.
        assert overrides["@jupyterlab/notebook-extension:tracker"]["kernelShutdown"] is True


@pytest.mark.shows("jupyter_settings")
def test_settings_of_another_jupyter_do_not_keep_it_from_starting(started, tmp_path, monkeypatch, capsys):
    theirs = tmp_path / "jupyter"
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(theirs))
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/theirs")
    monkeypatch.setenv("JUPYTERLAB_DIR", "/theirs/lab")
    started.codes = [1, 0]
    assert cli.main(["lab", "--port", "9000"]) == 0
    first, second = started
    assert second.command == first.command
    assert "JUPYTERLAB_DIR" not in first.env, "its parts in the browser would be shown, or none"
    assert first.env["JUPYTER_CONFIG_DIR"] == str(theirs)
    assert not Path(second.env["JUPYTER_CONFIG_DIR"]).exists(), "its empty folder is left"
    assert first.env["JUPYTER_CONFIG_PATH"] == f"/theirs{os.pathsep}{second.env['JUPYTER_CONFIG_PATH']}"
    assert second.env["JUPYTERLAB_SETTINGS_DIR"] == str(theirs / "lab" / "user-settings")
    assert f"without your own settings of Jupyter in {theirs}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "seconds", "file"), [(0, 1, True), (-9, 1, True), (1, 900, True), (1, 1, False)]
)
def test_it_starts_once_where_settings_are_not_the_reason(
    started, tmp_path, monkeypatch, code, seconds, file
):
    """It was stopped, killed, had run for long, or there are no settings."""
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "jupyter"))
    monkeypatch.delenv("JUPYTER_CONFIG_PATH", raising=False)
    if file:
        (tmp_path / "jupyter").mkdir()
        (tmp_path / "jupyter" / "jupyter_server_config.json").write_text("{}")
    clock = iter([0.0, float(seconds)])
    monkeypatch.setattr(jupyter.time, "monotonic", lambda: next(clock, float(seconds)))
    started.codes = [code]
    cli.main(["lab"])
    assert len(started) == 1


def test_on_a_hub_both_are_the_users_server(started, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "x")
    assert cli.main(["lab"]) == 0
    assert started[0].command[1:4] == ["-P", "-m", "jupyterhub.singleuser"]
    assert "--no-browser" not in started[0].command


@pytest.mark.shows("no_solutions")
def test_a_student_who_asks_for_the_instructors_view_is_told_the_way(started, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SPARKLIMITS_HOME", str(tmp_path))
    assert cli.main(["teach"]) == 1
    assert "`sparklimits lab` opens it" in capsys.readouterr().err


def test_a_terminal_finds_the_command_after_a_login_that_sets_path_anew(tmp_path):
    (tmp_path / ".bash_profile").write_text("PATH=/usr/bin:/bin\n")
    shell = shutil.which("bash") or "/bin/sh"

    def found(command: list[str]) -> str:
        asked = {"input": "command -v sparklimits\n", "text": True, "stdout": subprocess.PIPE, "check": False}
        return subprocess.run(
            command, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}, **asked
        ).stdout.strip()

    assert found([shell, "-l"]) == ""
    assert found(server.with_path_kept([shell, "-l"])) == str(Path(sys.executable).with_name("sparklimits"))
    assert server.with_path_kept(["/usr/bin/fish", "-l"]) == ["/usr/bin/fish", "-l"]
    assert server.with_path_kept([shell]) == [shell]  # no login: it has the server's PATH


def test_the_servers_path_has_our_commands_first_and_once():
    ours = str(Path(sys.executable).parent)
    assert server.with_our_commands(f"/bin{os.pathsep}{ours}") == os.pathsep.join([ours, "/bin"])


# Validate, cells that are not to be deleted, and the image


def test_validate_answers_with_marks_in_the_form_of_nbgraders_dialog():
    full = Mark("ratio_points", 5.0, 5.0, "5.0")
    lost = Mark("questions_points", 0.5, 2.0, "<b>one</b> of two is right")
    read = Mark("explain", None, 3.0, "")
    assert validation.answer([full, read]) == {"success": True, "value": "{}"}
    put_back = "The cell ratio_points was missing and was put back."
    (failed,) = json.loads(validation.answer([full, lost, read], [put_back])["value"])["failed"]
    assert put_back in failed["error"]
    assert failed["source"] == "questions_points: 0.5 of 2"
    assert failed["error"].startswith("&lt;b&gt;one")  # the dialog takes it for HTML
    for line in ("ratio_points", "a person grades this", "score"):
        assert line in failed["error"]
    assert re.search(r"score +\| 5\.5 +\| 7", failed["error"])


def test_validate_tells_an_error_that_nobody_expected_in_a_sentence(monkeypatch, capsys, tmp_path):
    def check(path):
        raise PermissionError(13, "Permission denied", "/course/labs/x.ipynb")

    monkeypatch.setattr(validation, "check", check)
    assert validation.main(str(tmp_path / "x.ipynb")) == 1
    assert capsys.readouterr().err.startswith("You may not use /course/labs/x.ipynb. Ask its owner")


def test_what_the_release_brings_is_not_deleted_by_two_keys():
    for path in ROOT.glob("labs/*/*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            about = cell.metadata.get("nbgrader", {})
            if about or cell.cell_type == "code":
                assert cell.metadata.get("deletable") is False, (path, cell.source[:60])
            assert (cell.metadata.get("editable") is False) == bool(about.get("locked")), (
                path,
                cell.source[:60],
            )


def test_the_image_holds_the_pages_that_its_notebooks_lead_to():
    assert "COPY course /course/course" in (ROOT / "docker" / "Dockerfile").read_text()
    assert "!course" in (ROOT / "docker" / "Dockerfile.dockerignore").read_text().splitlines()
    assert "course" in image._MADE_FROM
