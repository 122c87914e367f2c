"""What the kernel grants: limits of nested control groups of both kinds, in and outside of containers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from sparklimits.machine import limits

GB = 2**30
#: What the older kind has for no limit.
NONE = 9223372036854771712


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine of 64 GB, half of them free, and 16 cores, without any control group yet."""
    monkeypatch.setattr(
        limits.psutil, "virtual_memory", lambda: SimpleNamespace(total=64 * GB, available=32 * GB)
    )
    monkeypatch.setattr(limits.os, "sched_getaffinity", lambda process: set(range(16)), raising=False)
    monkeypatch.setattr(limits.resource, "getrlimit", lambda kind: (limits.resource.RLIM_INFINITY,) * 2)
    (tmp_path / "proc/self").mkdir(parents=True)
    return tmp_path


def proc(machine: Path, groups: str, *mounts: str) -> None:
    (machine / "proc/self/cgroup").write_text(groups)
    (machine / "proc/self/mountinfo").write_text("".join(f"{mount}\n" for mount in mounts))


def group(machine: Path, path: str, **files: object) -> None:
    folder = machine / path
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


UNIFIED = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
OLD_MEMORY = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
OLD_CPU = "36 31 0:33 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct"


def test_without_control_groups_the_machine_is_the_limit(machine: Path) -> None:
    assert limits.memory(machine) == limits.Memory(64 * GB, 32 * GB)
    assert limits.cores(machine) == 16
    assert limits.processes(machine) is None


def test_the_smallest_limit_of_nested_groups_holds(machine: Path) -> None:
    proc(machine, "0::/user.slice/user-1.slice/scope\n", UNIFIED)
    top = "sys/fs/cgroup/user.slice"
    group(machine, top, memory__max="max", cpu__max="max 100000")
    group(
        machine, f"{top}/user-1.slice", memory__max=2 * GB, memory__current=GB, cpu__max="150000 100000",
        memory__stat=f"inactive_file {GB // 4}\nactive_file {GB // 4}\nslab_reclaimable 0", pids__max=300,
        pids__current=100,
    )  # fmt: skip
    group(machine, f"{top}/user-1.slice/scope", memory__max=8 * GB, memory__current=GB, cpu__max="max 100000")
    found = limits.memory(machine)
    assert found.granted == 2 * GB
    assert found.free == 2 * GB - GB + GB // 2, "what is a copy of the disk counts as free"
    assert found.by.endswith("/user.slice/user-1.slice")
    assert limits.cores(machine) == 1.5
    assert limits.processes(machine) == 200


def test_a_limit_that_only_slows_down_is_one_too(machine: Path) -> None:
    proc(machine, "0::/slice\n", UNIFIED)
    group(machine, "sys/fs/cgroup/slice", memory__max="max", memory__high=3 * GB, memory__current=0)
    assert limits.memory(machine).granted == 3 * GB


def test_the_older_kind_has_a_hierarchy_for_each_controller(machine: Path) -> None:
    proc(machine, "4:memory:/slurm/job_7/step_0\n3:cpu,cpuacct:/slurm/job_7\n0::/\n", OLD_MEMORY, OLD_CPU)
    job = "sys/fs/cgroup/memory/slurm/job_7"
    group(machine, "sys/fs/cgroup/memory", memory__limit_in_bytes=NONE)
    group(
        machine, job, memory__limit_in_bytes=4 * GB, memory__usage_in_bytes=3 * GB,
        memory__stat=f"inactive_file 1\ntotal_inactive_file {GB}\ntotal_active_file 0",
    )  # fmt: skip
    group(machine, f"{job}/step_0", memory__limit_in_bytes=NONE, memory__usage_in_bytes=GB)
    group(
        machine,
        "sys/fs/cgroup/cpu,cpuacct/slurm/job_7",
        cpu__cfs_quota_us=50_000,
        cpu__cfs_period_us=100_000,
    )
    group(machine, "sys/fs/cgroup/cpu,cpuacct", cpu__cfs_quota_us=-1, cpu__cfs_period_us=100_000)
    assert limits.memory(machine).granted == 4 * GB
    assert limits.memory(machine).free == 2 * GB
    assert limits.cores(machine) == 0.5


@pytest.mark.parametrize(
    ("own", "mounted"),
    [
        ("0::/", "/"),  # a namespace of its own: the container's group is the root
        ("0::/docker/a1", "/docker/a1"),  # none: what is mounted is its part of the hierarchy
        ("0::/docker/a1", "/"),  # none, and the part is mounted under another name
        ("0::/../../user.slice", "/"),  # it was moved out of its namespace
    ],
)
def test_in_a_container_what_is_mounted_is_its_own_group(machine: Path, own: str, mounted: str) -> None:
    proc(machine, f"{own}\n", UNIFIED.replace("0:26 /", f"0:26 {mounted}"))
    group(machine, "sys/fs/cgroup", memory__max=2 * GB, memory__current=GB, cpu__max="100000 100000")
    assert limits.memory(machine).granted == 2 * GB
    assert limits.cores(machine) == 1


def test_the_hierarchies_may_be_mounted_anywhere(machine: Path) -> None:
    proc(machine, "0::/a\n", UNIFIED.replace("/sys/fs/cgroup", r"/my\040groups"))
    group(machine, "my groups/a", memory__max=GB, memory__current=0)
    assert limits.memory(machine).granted == GB


def test_both_kinds_beside_each_other(machine: Path) -> None:
    proc(
        machine,
        "4:memory:/old\n0::/new\n",
        OLD_MEMORY,
        UNIFIED.replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified"),
    )
    group(machine, "sys/fs/cgroup/memory/old", memory__limit_in_bytes=5 * GB, memory__usage_in_bytes=0)
    group(machine, "sys/fs/cgroup/unified/new", pids__max=50, pids__current=10)
    assert limits.memory(machine).granted == 5 * GB
    assert limits.processes(machine) == 40


def test_here_the_numbers_are_plausible(tmp_path: Path) -> None:
    found = limits.memory()
    assert 2**29 < found.free <= found.granted < 2**45
    assert 0 < limits.cores() <= 4096
    assert limits.disk(tmp_path / "not" / "yet") > 2**20
