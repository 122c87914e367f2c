"""What the machine really grants: a user without a name, a GPU that is too old, an engine with little memory."""

from __future__ import annotations

import os
import pwd
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

from sparklimits.containers import cluster, engine
from sparklimits.errors import MachineError
from sparklimits.machine import gpu, locked, paths, user
from sparklimits.spark import nameless
from sparklimits.spark.constraints import Machines
from tests import needs


@pytest.fixture
def without_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A container that was started under a number alone."""

    def nobody(number: int) -> object:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for name in ("USER", "LOGNAME", "HOME"):
        monkeypatch.setenv(name, "to be restored")  # afterwards
        monkeypatch.delenv(name)
    monkeypatch.setattr(user.tempfile, "gettempdir", lambda: str(tmp_path))


def test_a_number_without_a_name_gets_a_name_and_a_home(without_name: None, tmp_path: Path) -> None:
    assert not user.has_name()
    user.settle()
    assert os.environ["USER"] == os.environ["LOGNAME"] == user.NAME
    home = Path.home()
    assert home.parent == tmp_path
    assert home.stat().st_mode & 0o777 == 0o700
    user.settle()
    assert Path.home() == home


def test_a_home_that_can_be_written_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    user.settle()
    assert os.environ["HOME"] == str(tmp_path)


def test_a_home_that_is_not_there_is_replaced(
    without_name: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    user.settle()
    assert Path.home().parent == tmp_path


@pytest.mark.shows("user_without_name")
def test_where_java_cannot_be_told_the_reason_is_told(tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'no such class' >&2\nexit 1\n")
    java.chmod(0o755)
    with pytest.raises(MachineError, match=r"has no name on this machine, .*\(no such class\)"):
        nameless.options(tmp_path, tmp_path, tmp_path / "user")


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A machine with a card; what PyTorch says when it is used is ``says``."""
    torch, state = needs.torch(), SimpleNamespace(there=True, says="", warns="")

    def available() -> bool:
        if state.warns:
            warnings.warn(state.warns, stacklevel=2)
        return state.there

    def ones(*shape: int, device: str) -> object:
        if state.says:
            raise RuntimeError(state.says)
        return torch.zeros(*shape)

    monkeypatch.setattr(torch.cuda, "is_available", available)
    monkeypatch.setattr(torch, "ones", ones)
    gpu.refusal.cache_clear()
    gpu.usable.cache_clear()
    yield state
    gpu.refusal.cache_clear()
    gpu.usable.cache_clear()


def device() -> str:
    """Where lab 5's networks are trained."""
    from sparklimits.labs.lab5_offload import networks

    return networks.device().type


def test_a_card_that_computes_is_used(card: SimpleNamespace) -> None:
    assert device() == "cuda"


@pytest.mark.shows("gpu_not_used")
@pytest.mark.parametrize(
    "says",
    [
        "CUDA error: no kernel image is available for execution on the device\nCompile with `TORCH_USE_CUDA_DSA`",
        "CUDA error: all CUDA-capable devices are busy or unavailable",
        "CUDA out of memory. Tried to allocate 20.00 MiB",
    ],
)
def test_a_card_that_pytorch_cannot_use_gives_way_to_the_cpu_in_one_line(
    card: SimpleNamespace, capsys: pytest.CaptureFixture[str], says: str
) -> None:
    card.says = says
    assert device() == device() == "cpu"
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert says.splitlines()[0].rstrip(".").split(". ")[0] in said
    assert "the CPU is used" in said


def test_a_driver_that_is_too_old_is_told(card: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    card.there = False
    card.warns = (
        "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver."
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert device() == "cpu"
    assert "is too old (found version 11040)): the CPU is used" in capsys.readouterr().out


def test_without_a_card_nothing_is_said(card: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    card.there = False
    assert device() == "cpu"
    assert capsys.readouterr().out == ""


@pytest.mark.shows("engine_memory")
@pytest.mark.parametrize(("gigabytes", "says"), [(4, "refused"), (6.5, "told"), (16, "")])
def test_the_memory_of_dockers_engine_is_asked_before_a_cluster_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], gigabytes: float, says: str
) -> None:
    monkeypatch.setattr(engine, "output", lambda command: f"{int(gigabytes * 1e9)}\n")
    monkeypatch.setattr(cluster, "require", lambda: "27.1")

    def built(gpu: bool) -> None:
        raise InterruptedError("far enough")

    monkeypatch.setattr(cluster, "build", built)
    monkeypatch.setattr(cluster, "_with_gpu", lambda: False)
    with pytest.raises(MachineError if says == "refused" else InterruptedError) as error:
        cluster.up(Machines(workers=4))
    told = str(error.value) + capsys.readouterr().err
    assert ("start fewer workers" in told) == bool(says)
    assert (f"engine has {gigabytes:.1f} GB" in told) == bool(says)


def test_another_open_lab_is_counted_while_it_has_a_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, theirs = locked.new(tmp_path), locked.new(tmp_path)
    monkeypatch.setattr(paths, "scratch", lambda: mine)
    assert paths.others() == 0
    locked.note(theirs, session=True)
    assert paths.others() == 1
    locked.note(theirs, session=False)
    assert paths.others() == 0
