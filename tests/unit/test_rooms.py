"""The house: imports go down the list of rooms, nothing goes in a circle, and no module is long."""

from __future__ import annotations

import ast
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.submissions import ROOT

PACKAGE = ROOT / "src" / "sparklimits"
#: From the top down: a room imports from its own and from those below. The same list is in the README.
ROOMS = (
    "cli", "demo", "notebook", "student", "grading", "labs", "display", "measurement", "containers", "spark",
    "datasets", "machine", "errors",
)  # fmt: skip
#: Within `labs`: the folders of the labs stand on these.
LABS = ("checks", "oracles")
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "resources" not in path.parts)


def name_of(path: Path) -> str:
    parts = ("sparklimits", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    """The package's own modules that a module imports, wherever in it, but for types only."""
    known = {name_of(one) for one in MODULES}
    tree = ast.parse(path.read_text("utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in for_types:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            found.update(one for one in inner if one in known)
            if node.module in known and not all(one in known for one in inner):
                found.add(node.module)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names if alias.name in known)
    return found - {"sparklimits", name_of(path)}


def room_of(module: str) -> int:
    room = module.split(".")[1] if "." in module else "cli"
    return ROOMS.index("cli" if room == "__main__" else room)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_down(path: Path) -> None:
    mine = room_of(name_of(path))
    assert [one for one in imports_of(path) if room_of(one) < mine] == []


def test_nothing_goes_in_a_circle() -> None:
    arrows = {name_of(path): imports_of(path) for path in MODULES}
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way[way.index(module) :], module))
        if module not in done:
            for one in arrows[module]:
                visit(one, (*way, module))
            done.add(module)

    for module in arrows:
        visit(module, ())


def test_a_lab_imports_no_other_lab() -> None:
    for path in MODULES:
        parts = path.relative_to(PACKAGE).parts
        if parts[0] == "labs" and len(parts) > 2:
            others = {one for one in imports_of(path) if one.startswith("sparklimits.labs.lab")}
            assert {one.split(".")[2] for one in others} <= {parts[1]}, path


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_module_is_long(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 350


def test_the_list_of_rooms_is_whole_and_in_the_readme() -> None:
    there = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in MODULES}
    assert there - {"__init__", "__main__"} == set(ROOMS)
    map_of_it = (ROOT / "README.md").read_text("utf-8").split("src/sparklimits/")[1]
    places = [map_of_it.index(f"    {room}") for room in ROOMS]
    assert places == sorted(places)


def test_help_is_there_at_once() -> None:
    """Less than 0.4 s of processor time: no lab, no Spark and no table is imported for it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "sparklimits", "--help"], capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "lint" in done.stdout
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.4
    code = "import sys; from sparklimits import cli; cli._parser(); print({'pandas', 'pyspark'} & sys.modules.keys())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
