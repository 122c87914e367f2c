"""environment.yml (conda) and constraints.txt say what pyproject.toml says."""

import tomllib
from pathlib import Path

import yaml

from sparklimits.machine.java import ACCEPTED

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]


def pins(lines):
    """``{name: version}`` of the lines of the form name==version, names as PyPI compares them."""
    pairs = [line.split("==") for line in lines if "==" in line and not line.startswith(("#", "-"))]
    return {name.strip().lower().replace("_", "-"): version.strip() for name, version in pairs}


def test_conda_lists_the_packages_and_versions_of_the_project():
    expected = pins(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"])
    (pip_section,) = [part["pip"] for part in CONDA if isinstance(part, dict)]
    assert pins(pip_section) == expected


def test_conda_brings_an_accepted_python_and_java():
    versions = dict(part.split("=") for part in CONDA if isinstance(part, str) and "=" in part)
    assert PROJECT["requires-python"] == f">={versions['python']}"
    assert int(versions["openjdk"]) in ACCEPTED


def test_constraints_hold_every_pin_of_the_project():
    extras = [pin for extra in PROJECT["optional-dependencies"].values() for pin in extra]
    expected = pins(PROJECT["dependencies"] + extras)
    constraints = pins((ROOT / "constraints.txt").read_text().splitlines())
    assert {name: constraints.get(name) for name in expected} == expected


def test_constraints_name_no_local_builds_or_places():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert not [line for line in lines if "+" in line or "@" in line or "/" in line]
