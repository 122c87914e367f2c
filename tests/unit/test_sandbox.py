"""The sandbox as a command, the choice of its tier, and what of a submission comes near it. Attacks: tests/full."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import KVArgParseConfigLoader

import sparklimits
from sparklimits.errors import MachineError, SubmissionError
from sparklimits.grading import sandboxed
from sparklimits.grading.exporter import SubmissionExporter
from sparklimits.grading.places import odd_files
from sparklimits.grading.sandbox import bubblewrap, landlock, probe, tiers
from sparklimits.grading.sandbox.box import BUBBLEWRAP, LANDLOCK, Sandbox
from sparklimits.grading.sandboxed import SandboxedExecute
from sparklimits.student import doctor_machine

EVERYTHING = probe.Findings(frozenset(probe.TRIALS))
FILES_ALONE = probe.Findings(frozenset({"read", "write", "installed", "sockets", "powers"}))
NOTHING = probe.Findings(reason="bwrap: setting up uid map: Permission denied.")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, probe.Findings]]:
    """A machine with all tiers; a test takes some away, or lets their trials fail."""
    held = {BUBBLEWRAP: EVERYTHING, LANDLOCK: FILES_ALONE}
    monkeypatch.setattr(bubblewrap, "version", lambda: "0.8.0" if BUBBLEWRAP in held else "")
    monkeypatch.setattr(landlock, "abi", lambda: 7 if LANDLOCK in held else 0)
    monkeypatch.setattr(probe, "tried", lambda name: held[name])
    monkeypatch.setattr(tiers, "_unlimited", lambda: [])
    tiers.found.cache_clear()
    yield held
    tiers.found.cache_clear()


# The command


def words_after(command: list[str], option: str) -> list[str]:
    return [command[at + 1] for at, word in enumerate(command) if word == option]


def test_the_command_holds_all_of_the_isolation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKLIMITS_SCALE", "0.5")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    command = Sandbox(tmp_path, environment={"ONE": "1"}).command(["program", "--option"])
    assert command[-2:] == ["program", "--option"]
    assert {
        "--unshare-net",
        "--unshare-pid",
        "--unshare-ipc",
        "--clearenv",
        "--die-with-parent",
        "--new-session",
    } <= {*command}
    assert {"ONE", "HOME", "TMPDIR", "SPARKLIMITS_SCALE"} <= {*words_after(command, "--setenv")}
    assert "secret" not in " ".join(command)
    assert words_after(command, "--bind") == [str(tmp_path)]
    own = str(Path(sparklimits.__file__).parent)
    assert own in words_after(command, "--ro-bind")
    # The course's folder, with its solutions, is around the package: it is not shown.
    assert not {str(one) for one in Path(own).parents} & {*words_after(command, "--ro-bind")}
    assert "/etc" not in words_after(command, "--ro-bind")


def test_what_lies_below_tmp_is_mounted_after_it(tmp_path: Path) -> None:
    command = Sandbox(tmp_path, readable=(tmp_path.parent,)).command(["program"])
    assert command.index("/tmp") < command.index(str(tmp_path.parent)) < command.index(str(tmp_path))


def test_a_hidden_folder_is_covered_where_something_above_it_is_shown(tmp_path: Path) -> None:
    shown, hidden, own = tmp_path / "a", tmp_path / "a" / "course", tmp_path / "a" / "course" / "run"
    own.mkdir(parents=True)
    command = Sandbox(own, readable=(shown,), hidden=(hidden, tmp_path)).command(["program"])
    assert str(hidden) in words_after(command, "--tmpfs")
    assert str(tmp_path) not in words_after(command, "--tmpfs")
    assert command.index(str(shown)) < command.index(str(hidden)) < command.index(str(own))


def test_landlock_shows_all_around_what_is_hidden(tmp_path: Path) -> None:
    shown, hidden = tmp_path / "usr", tmp_path / "usr" / "share" / "exchange"
    hidden.mkdir(parents=True)
    (shown / "share" / "fonts").mkdir()
    (shown / "bin").mkdir()
    own = tmp_path / "own"
    own.mkdir()
    told = json.loads(
        next(
            word
            for word in Sandbox(own, readable=(shown,), hidden=(hidden,), tier=LANDLOCK).command(["program"])
            if word.startswith("{")
        )
    )["readable"]
    assert [one for one in told if one.startswith(str(tmp_path))] == [
        str(shown / "bin"),
        str(shown / "share" / "fonts"),
    ]


def test_the_exchange_is_hidden_where_it_is() -> None:
    step = SandboxedExecute(config=Config({"Exchange": {"root": "/srv/class"}}))
    step._tier = tiers.Tier(BUBBLEWRAP, "0.8.0", (), ())
    hidden = step._sandbox(Path("/nowhere"), {}).hidden
    assert {Path("/usr/local/share/nbgrader/exchange"), Path("/srv/class")} <= set(hidden)


def test_a_sandbox_gets_the_processors_that_its_grader_has(monkeypatch: pytest.MonkeyPatch) -> None:
    step = SandboxedExecute()
    step._tier = tiers.Tier(BUBBLEWRAP, "0.8.0", (), ())
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {2, 3})
    assert step._sandbox(Path("/nowhere"), {}).limits.processors == (2, 3)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2, 3})
    assert step._sandbox(Path("/nowhere"), {}).limits.processors == ()


# The choice of a tier


def test_the_best_tier_that_holds_is_taken(machine: dict[str, probe.Findings]) -> None:
    tier = tiers.require()
    assert (tier.name, tier.lacks, tiers.found()[1]) == (BUBBLEWRAP, (), "")
    assert tier.told() == "bubblewrap 0.8.0"


@pytest.mark.shows("bubblewrap_refused")
@pytest.mark.parametrize(
    ("findings", "reason"),
    [(NOTHING, "setting up uid map: Permission denied"), (FILES_ALONE, "these work: network, processes")],
)
def test_where_namespaces_are_refused_isolation_is_reduced_and_says_so(
    machine: dict[str, probe.Findings], findings: probe.Findings, reason: str
) -> None:
    machine[BUBBLEWRAP] = findings
    tier, remedy = tiers.found()
    assert tier is not None
    assert tier.told() == (
        "Landlock ABI 7, reduced isolation. It lacks: the network is open; other processes can be seen; sockets that "
        "have a path can be reached"
    )
    assert reason in remedy
    assert "bwrap-userns-restrict" in remedy
    finding = doctor_machine._sandbox()
    assert (finding.ok, finding.found, finding.remedy) == (None, tier.told(), remedy)


@pytest.mark.shows("no_sandbox")
@pytest.mark.shows("bubblewrap_missing")
def test_without_a_tier_other_peoples_code_is_refused(machine: dict[str, probe.Findings]) -> None:
    machine.clear()
    with pytest.raises(MachineError) as error:
        tiers.require()
    assert "apt-get install bubblewrap" in str(error.value)
    assert "nbgrader autograde LAB --SandboxedExecute.no_sandbox=True" in str(error.value)
    assert doctor_machine._sandbox().ok is None


@pytest.mark.parametrize("open_way", ["read", "powers"])
def test_a_tier_that_lets_files_be_read_or_an_engine_be_asked_is_none(
    machine: dict[str, probe.Findings], open_way: str
) -> None:
    del machine[BUBBLEWRAP]
    machine[LANDLOCK] = probe.Findings(FILES_ALONE.held - {open_way})
    assert tiers.found()[0] is None


def test_an_engines_socket_is_known_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, bus = tmp_path / "engine", tmp_path / "bus"
    engine.touch()
    bus.touch()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{engine}")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={bus},guid=7")
    assert {str(engine), str(bus)} <= set(probe.powers())
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:2375")
    assert str(engine) not in probe.powers()


@pytest.mark.shows("sandbox_of_linux")
def test_other_systems_have_none(machine: dict[str, probe.Findings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert tiers.found() == (
        None,
        "There is no sandbox for Darwin. Grade on a Linux machine, a virtual one will do.",
    )


def test_another_program_of_this_name_is_not_taken_for_bubblewrap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bwrap"
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for says, version in (("echo bwrap 1.0", ""), ("echo bubblewrap 0.11.0", "0.11.0"), ("exit 1", "")):
        program.write_text(f"#!/bin/sh\n{says}\n")
        program.chmod(0o755)
        bubblewrap.version.cache_clear()
        assert bubblewrap.version() == version
    bubblewrap.version.cache_clear()


@pytest.mark.skipif(not bubblewrap.version(), reason="needs bubblewrap")
def test_the_trial_holds_where_bubblewrap_is() -> None:
    findings = probe.tried(BUBBLEWRAP)
    if findings.reason:
        pytest.skip(f"bubblewrap cannot make a sandbox here: {findings.reason}")
    assert findings.held == {*probe.TRIALS}


def test_the_trial_sees_what_works_where_nothing_is_kept_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sandbox, "command", lambda self, argv: list(argv))
    assert probe.tried(BUBBLEWRAP).held == frozenset()


# What a submission brings


def test_links_pipes_and_notebooks_of_a_submission_stay_behind(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "data").mkdir(parents=True)
    target.mkdir()
    (tmp_path / "secret").write_text("secret")
    (source / "data" / "mine.csv").write_text("1")
    (source / "lab.ipynb").write_text("hidden tests")
    os.symlink(tmp_path / "secret", source / "link.csv")
    os.symlink(tmp_path, source / "folder")
    os.symlink("/dev/zero", source / "endless")
    os.mkfifo(source / "data" / "pipe")
    sandboxed.copy_files(source, target)
    assert [one.relative_to(target) for one in target.rglob("*") if one.is_file()] == [Path("data/mine.csv")]
    assert not (target / "folder").exists()
    assert [one.name for one in odd_files(source)] == ["pipe", "endless", "folder", "link.csv"]


@pytest.mark.shows("a_link")
def test_a_link_to_a_solution_is_not_graded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "lab.ipynb").write_text("{}")
    (tmp_path / "anna").mkdir()
    os.symlink(tmp_path / "solutions" / "lab.ipynb", tmp_path / "anna" / "lab.ipynb")
    os.symlink(tmp_path / "solutions", tmp_path / "bert")
    for student in ("anna", "bert"):
        with pytest.raises(SubmissionError, match="a link is not graded"):
            SubmissionExporter().from_filename(str(tmp_path / student / "lab.ipynb"))


def test_autograding_stops_at_once_where_there_is_no_sandbox(machine: dict[str, probe.Findings]) -> None:
    converter = Autograde(coursedir=CourseDirectory())
    machine.clear()
    with pytest.raises(NbGraderException, match="do not run here without one"):
        SubmissionExporter(parent=converter)
    # As the command line gives it.
    said = KVArgParseConfigLoader(
        ["--SandboxedExecute.no_sandbox=True"], classes=[SandboxedExecute]
    ).load_config()
    SubmissionExporter(parent=Autograde(coursedir=CourseDirectory(), config=said))
