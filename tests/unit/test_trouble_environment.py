"""What another installation left: it reaches neither the embedded cluster, nor Java, nor set-up."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import pytest

from sparklimits.errors import MachineError, SparkLimitsError
from sparklimits.machine import environment, java, jupyter_files
from sparklimits.machine.scale import scale_from_environment
from sparklimits.spark import launch
from sparklimits.student import jupyter
from tests.submissions import ROOT


def other_spark(folder: Path) -> Path:
    """The Python of a Spark from a tarball: a pyspark without jars, and the zip of py4j that is named beside it."""
    (folder / "python" / "pyspark").mkdir(parents=True)
    (folder / "python" / "pyspark" / "__init__.py").write_text("__version__ = '3.5.1'")
    (folder / "python" / "lib").mkdir()
    (folder / "python" / "lib" / "py4j-0.10.9.7-src.zip").touch()
    return folder / "python"


def test_another_pyspark_first_on_the_path_is_left_aside_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python, plain = other_spark(tmp_path), tmp_path / "mine"
    plain.mkdir()
    entries = [str(python), str(python / "lib" / "py4j-0.10.9.7-src.zip"), str(plain)]
    monkeypatch.setattr(sys, "path", [*entries, *sys.path])
    monkeypatch.setattr(environment, "_left", [])
    assert environment.leave_other_sparks() == entries[:2]
    assert sys.path[0] == str(plain)
    assert environment.left_aside() == entries[:2]
    assert environment.leave_other_sparks() == []
    assert importlib.util.find_spec("pyspark") is not None, "the course's own is still there"


def test_the_workers_get_neither_its_pyspark_nor_its_py4j(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = other_spark(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{python}:{python / 'lib' / 'py4j-0.10.9.7-src.zip'}:{tmp_path}")
    assert environment.python_path() == str(tmp_path)


@pytest.mark.shows("pyspark_of_others")
@pytest.mark.parametrize("version", ["3.5.1", "4.3.0"])
def test_a_pyspark_that_was_imported_before_is_refused_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    python = other_spark(tmp_path)
    if version == "3.5.1":  # whole, and another version
        (python / "pyspark" / "jars").mkdir()
    stranger = ModuleType("pyspark")
    stranger.__file__, stranger.__version__ = str(python / "pyspark" / "__init__.py"), version
    monkeypatch.setitem(sys.modules, "pyspark", stranger)
    with pytest.raises(MachineError, match=f"pyspark {version} in {python / 'pyspark'}, .*Unset PYTHONPATH"):
        launch._spark_home(tmp_path / "home")


def test_python_asks_for_temporary_files_where_the_session_has_them(tmp_path: Path) -> None:
    before = tempfile.gettempdir()
    with environment.private({"TMPDIR": str(tmp_path)}):
        assert tempfile.gettempdir() == str(tmp_path)
        assert os.environ["TMPDIR"] == str(tmp_path)
    assert tempfile.gettempdir() == before


def test_a_name_from_the_wrapper_of_a_container_reaches_java(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LD_PRELOAD", "NSS_WRAPPER_PASSWD", "NSS_WRAPPER_GROUP"):
        monkeypatch.setenv(name, "")
    with environment.private({}):
        assert {"LD_PRELOAD", "NSS_WRAPPER_PASSWD", "NSS_WRAPPER_GROUP"} <= os.environ.keys()


@pytest.mark.parametrize("name", ["JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS"])
def test_options_that_others_left_do_not_keep_java_from_being_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """An option of Java 8, say, with which Java 17 does not start."""
    home = tmp_path / "jdk"
    (home / "bin").mkdir(parents=True)
    program = home / "bin" / "java"
    program.write_text(
        f'#!/bin/sh\n[ -z "${name}" ] || exit 1\n[ "$LC_ALL" = "{environment.utf8_locale()}" ] || exit 1\n'
        f"printf '    java.home = {home}\\n    java.specification.version = 17\\n'\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(home))
    monkeypatch.setenv(name, "-XX:+UseConcMarkSweepGC")
    monkeypatch.setenv("LC_ALL", "POSIX")
    found = java.system_java()
    assert found == java.Java(home, 17, "JAVA_HOME")


@pytest.mark.shows("scale")
@pytest.mark.parametrize("value", ["", "half", "0", "-1", "nan"])
def test_a_scale_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SPARKLIMITS_SCALE", value)
    with pytest.raises(SparkLimitsError, match=f"SPARKLIMITS_SCALE is '{value}'. Write a positive number"):
        scale_from_environment()


def test_nothing_hangs_on_asserts_that_pythonoptimize_takes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """An `assert` of the package tells types to mypy, and nothing else; JupyterLab and kernels have theirs."""
    modules = [path for path in (ROOT / "src").rglob("*.py") if "resources" not in path.parts]
    found = {
        ast.unparse(node.test)
        for path in modules
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Assert)
    }
    assert found, "or this test finds nothing"
    assert [one for one in found if not re.fullmatch(r"[\w.]+ is not None|isinstance\(.+\)", one)] == []
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    assert jupyter._environment([])["PYTHONOPTIMIZE"] == ""


def test_the_courses_kernel_gets_neither_pythonoptimize_nor_a_startup_file_of_another_spark() -> None:
    """A setup of many old pages has PYTHONSTARTUP=$SPARK_HOME/python/pyspark/shell.py, which IPython runs too."""
    kernel = json.loads((jupyter_files.RESOURCES / "kernel" / "kernel.json").read_text())
    assert kernel["env"] == {"PYTHONOPTIMIZE": "", "PYTHONSTARTUP": ""}


def test_the_locale_for_java_is_one_that_knows_all_names() -> None:
    name = environment.utf8_locale()
    assert environment.knows(name)
    assert not environment.knows("xx_YY.nothing")
    code = "import locale; locale.setlocale(locale.LC_ALL, ''); print(locale.nl_langinfo(locale.CODESET))"
    said = subprocess.check_output(
        [sys.executable, "-c", code], env={**os.environ, "LC_ALL": name}, text=True
    )
    assert said.strip() == "UTF-8"


@pytest.fixture
def prepare(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """tools/prepare.py, with this Python in place of the one that it makes."""
    spec = importlib.util.spec_from_file_location("prepare", ROOT / "tools" / "prepare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PYTHON", Path(sys.executable))
    return module


def test_set_up_follows_pips_configuration_in_how_packages_are_reached_alone(
    prepare: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    (tmp_path / "pip.conf").write_text(
        "[global]\nuser = true\ntimeout = 7\nfind-links =\n  /a\n  /b\n"
        "[install]\ntarget = /somewhere\nno-build-isolation = true\nproxy = http://proxy:1\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_PREFIX", "/elsewhere")
    monkeypatch.setenv("PIP_CERT", "/my.pem")
    monkeypatch.setenv("LC_ALL", "POSIX")
    found = prepare.pip_environment()
    assert found["PIP_CONFIG_FILE"] == os.devnull
    assert found["PIP_TIMEOUT"] == "7"
    assert found["PIP_PROXY"] == "http://proxy:1"
    assert found["PIP_CERT"] == "/my.pem"
    assert {"/a", "/b"} <= set(found["PIP_FIND_LINKS"].split())
    assert not {"PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_NO_BUILD_ISOLATION"} & found.keys()
    assert found["LC_ALL"] == environment.utf8_locale()


def test_the_way_to_the_source_is_read_in_any_locale(
    prepare: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = tmp_path / "Jürgen's Kurs [2026], α"
    packages = course / ".venv" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    way = packages / "__editable__.sparklimits-2.0.0.pth"
    way.write_text(str(course / "src"))
    monkeypatch.setattr(prepare, "ROOT", course)
    monkeypatch.setattr(prepare, "VENV", course / ".venv")
    prepare.lead_to_the_source()
    assert way.read_text("ascii") == "../../../../src\n"
    (course / "src").mkdir()
    code = f"import site, sys; site.addsitedir({str(packages)!r}); print(ascii(sys.path[-1]))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"LC_ALL": "POSIX"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ascii(str(course / "src"))


def test_files_of_the_users_never_stand_in_for_packages(tmp_path: Path) -> None:
    """Students call their first script `pyspark.py`. Python looks beside it first, and IPython before all packages."""
    for name in ("pandas", "pyspark", "queue", "psutil"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('of the user')")
    (tmp_path / "helper.py").write_text("value = 7")
    code = "import sys; sys.path.insert(0, ''); from sparklimits import notebook; import helper; print(helper.value)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "7", done.stderr


def test_the_courses_own_processes_import_nothing_from_where_they_run() -> None:
    """A `code.py` in the folder of the labs kept JupyterLab from starting."""
    sources = [path for path in (ROOT / "src").rglob("*.py") if "resources" not in path.parts]
    started = [
        (path.name, [ast.unparse(one) for one in node.elts[:3]])
        for path in sources
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.List | ast.Tuple) and "sys.executable" in map(ast.unparse, node.elts)
        and "'-m'" in map(ast.unparse, node.elts)
    ]  # fmt: skip
    assert len(started) >= 6
    assert [one for one in started if one[1][1] not in ("'-P'", "'-I'")] == []
