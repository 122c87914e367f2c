"""The cluster as a user has it: who reaches it, whose files it writes, and a lab that is measured there."""

from __future__ import annotations

import json
import stat
import urllib.error
from pathlib import Path

import pytest

from sparklimits.containers import cluster, engine
from sparklimits.machine import web
from tests.containers.helpers import PROGRAMS, WORKERS, docker, sparklimits

#: What `run --json` must print, whatever else it prints.
CONTRACT = {
    "lab", "version", "backend", "scale", "baseline_s", "candidate_s", "speedup", "low", "high", "pairs", "verdict",
    "quality", "evidence",
}  # fmt: skip


def test_the_addresses_are_for_this_machine_alone(addresses: list[str]) -> None:
    jupyter, spark = (word for word in addresses if word.startswith("http://127.0.0.1:"))
    assert f":{cluster.LAB_PORT}/" not in jupyter
    assert not spark.endswith(f":{cluster.SPARK_PORT}")
    assert "JupyterLab" in web.get(jupyter, timeout=20).decode()
    with pytest.raises(urllib.error.HTTPError):
        web.get(jupyter.split("?")[0].replace("/lab", "/api/contents"), timeout=20)
    assert json.loads(web.get(f"{spark}/json/", timeout=20))["aliveworkers"] == WORKERS
    for one in engine.inspect(engine.container_ids()):
        for bound in (one["HostConfig"]["PortBindings"] or {}).values():
            assert [entry["HostIp"] for entry in bound] == ["127.0.0.1"]


@pytest.mark.usefixtures("addresses")
def test_nobody_is_root_or_may_change_the_network() -> None:
    for container in engine.container_ids():
        said = docker("exec", container, "sh", "-c", "grep -h -E '^(Uid|CapEff|CapBnd)' /proc/[0-9]*/status")
        for line in said.splitlines():
            name, first, *_ = line.split()
            assert (int(first) > 0) if name == "Uid:" else (int(first, 16) == 0), said


@pytest.mark.usefixtures("addresses")
def test_what_is_written_belongs_to_the_student(course: Path) -> None:
    notebook = course / "work" / "lab2_skew" / "lab2_skew.ipynb"
    assert notebook.stat().st_uid == cluster.user() > 0
    (lab,) = engine.container_ids("lab")
    docker("exec", lab, "touch", "/course/work/written")
    written = course / "work" / "written"
    assert written.stat().st_uid == cluster.user()
    assert stat.S_ISREG(written.stat().st_mode)
    written.unlink()


@pytest.mark.usefixtures("addresses")
def test_a_command_of_this_machine_measures_there_a_file_of_this_machine() -> None:
    solution = PROGRAMS / "lab0_solution.py"
    done = sparklimits(
        "run", "lab0_measuring", "--solution", str(solution), "--json", SPARKLIMITS_SCALE="0.05"
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result.keys() >= CONTRACT
    assert (result["lab"], result["backend"], result["scale"]) == ("lab0_measuring", "docker", 0.05)
    assert result["verdict"] == "failed", result
    assert any("this visit is cancelled" in reason for reason in result["reasons"]), result
    naive, handed_over = (result["evidence"][arm]["wrong_causes"] for arm in ("baseline", "candidate"))
    assert naive > 0
    assert handed_over != naive
