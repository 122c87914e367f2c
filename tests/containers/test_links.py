"""The links of the containers: rates in two racks, and latency."""

from __future__ import annotations

import subprocess

import pytest

from sparklimits.containers import cluster, engine
from tests.containers.helpers import PROGRAMS, WORKERS, cluster_up, docker, sparklimits


def workers() -> list[cluster.Container]:
    return [one for one in cluster.status() if one.role == "worker"]


def seconds(sender: str, receiver: str, count: int) -> float:
    """Until so many bytes of one container are at another one, and the answer is back."""
    program = (PROGRAMS / "receive.py").read_text()
    with subprocess.Popen(
        ["docker", "exec", receiver, "python", "-c", program], stdout=subprocess.PIPE, text=True
    ) as listening:
        assert listening.stdout is not None
        assert listening.stdout.readline() == "listening\n"
        address = cluster.address_of(engine.inspect([receiver])[0])
        program = (PROGRAMS / "send.py").read_text()
        return float(docker("exec", sender, "python", "-c", program, address, str(count)))


def test_links_have_the_rate_that_was_asked_for_in_two_racks(addresses: list[str]) -> None:
    words = cluster_up("--bandwidth", "32mbit,8mbit")
    assert words == addresses, "the lab's container was left alone"
    assert [one.link for one in workers()] == ["32Mbit", "8Mbit"] * (WORKERS // 2)
    assert {one.cpus for one in workers()} == {0.5}
    names = [one.name for one in workers()]
    for sender, mbit in ((names[0], 32), (names[1], 8)):
        taken = seconds(sender, names[2], 4_000_000)
        # The bucket is nearly empty at once, and headers take a few per cent.
        assert 0.9 < taken / (32 / mbit) < 2, (sender, taken)


@pytest.mark.usefixtures("addresses")
def test_links_have_latency_where_the_kernel_can_and_lose_it_again() -> None:
    done = sparklimits("cluster", "up", "--lab", "lab2_skew", "--latency", "40ms")
    if done.returncode:
        assert "This kernel cannot delay packets" in done.stderr
    else:
        assert {one.link for one in workers()} == {"100Mbit, 40ms"}
        first, second, *_ = (one.name for one in workers())
        assert 0.08 <= seconds(first, second, 0) < 1, "there and back again"
    cluster_up("--lab", "lab2_skew")
    assert {one.link for one in workers()} == {"100Mbit"}
