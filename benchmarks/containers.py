"""Every lab's reference on the cluster of containers, and four things that only such a cluster shows.

    .venv/bin/python benchmarks/containers.py [LAB …] [kryo] [wait] [ready] [broadcast]

These are Kryo on a slow link, tasks that wait for the machine that holds their rows, how soon the cluster is ready, and
whose links a broadcast goes through.

The cluster is set up for each lab as the lab wants it, and left as the last one had it. Writes
``benchmarks/results/containers.json`` after each, and the tables in ``course/docker.md``.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from sparklimits import demo
from sparklimits.containers import cluster, errands
from sparklimits.display.progress import Progress
from sparklimits.display.tables import as_markdown, with_tables
from sparklimits.grading.submission import reference_path
from sparklimits.labs import find, ids
from sparklimits.measurement import pairs
from sparklimits.measurement.plan import BASELINE, CANDIDATE
from sparklimits.spark.constraints import Machines

ROOT = Path(__file__).resolve().parents[1]
IN_LAB = ROOT / "benchmarks" / "in_lab"
OUT = ROOT / "benchmarks" / "results" / "containers.json"
PAGE = ROOT / "course" / "docker.md"
#: A link that is slow for what half a core can compute.
KRYO = Machines(workers=4, cpus=0.5, mbit=(4.0,))
ROUNDS = 5
STARTS = 3


def kryo(progress: Progress) -> dict[str, Any]:
    """Seconds and bytes of each run, by serializer."""
    cluster.up(KRYO)
    found: dict[str, Any] = {"mbit": KRYO.mbit[0], "Java": [], "Kryo": [], "bytes": {}, "remote": {}}
    with errands.handed_over({"kryo.py": IN_LAB / "kryo.py"}) as there:
        for number in range(1, ROUNDS + 1):
            for name in ("Java", "Kryo"):
                progress(f"{name}, round {number} of {ROUNDS}")
                said = errands.said_in_lab(["python", "kryo.py", name], there)
                seconds, found["bytes"][name], found["remote"][name] = json.loads(said)
                found[name].append(round(seconds, 3))
    return found


def wait(progress: Progress) -> dict[str, Any]:
    """The result of lab 0's reference when a task waits as long as Spark has it for the machine that holds its rows."""
    progress("lab0_measuring with Spark's own wait")
    lab = find("lab0_measuring")
    cluster.up(lab.constraints.machines)
    files = {"wait.py": IN_LAB / "wait.py", "reference.ipynb": reference_path(lab)}
    with errands.handed_over(files) as there:
        result: dict[str, Any] = json.loads(
            errands.said_in_lab(["python", "wait.py", "reference.ipynb"], there)
        )
    return result


def ready(progress: Progress) -> dict[str, list[float]]:
    """Seconds from the built image to JupyterLab, and to the end of a notebook's first job."""
    found: dict[str, list[float]] = {"JupyterLab": [], "first job": []}
    for number in range(1, STARTS + 1):
        progress(f"start {number} of {STARTS}")
        cluster.down()
        began = time.perf_counter()
        cluster.up(Machines())
        found["JupyterLab"].append(round(time.perf_counter() - began, 1))
        with errands.handed_over({"first_cells.py": IN_LAB / "first_cells.py"}) as there:
            errands.said_in_lab(["python", "first_cells.py"], there)
        found["first job"].append(round(time.perf_counter() - began, 1))
    return found


def broadcast(progress: Progress) -> list[dict[str, Any]]:
    """Megabytes that left the driver and the workers, of each run."""
    cluster.up(Machines())
    progress("a broadcast table on each worker")
    with errands.handed_over({"broadcast.py": IN_LAB / "broadcast.py"}) as there:
        found: list[dict[str, Any]] = json.loads(errands.said_in_lab(["python", "broadcast.py"], there))
    return found


def summary(results: dict[str, Any]) -> dict[str, list[str]]:
    """The lines of each table, by the name of its markers."""
    labs = [demo.row(results[lab]) for lab in ids() if lab in results]
    tables = {"labs": as_markdown([demo.HEADER, *labs]).splitlines()}
    if found := results.get("kryo"):
        ratio = pairs.ratio(found["Java"], found["Kryo"])
        size, sent = found["bytes"], found["remote"]
        tables["kryo"] = [
            "| serializer | bytes shuffled, MB | of these over links, MB | seconds, median |", "|---|--:|--:|--:|",
            *(
                f"| {name} | {size[name] / 1e6:.2f} | {sent[name] / 1e6:.2f} | {statistics.median(found[name]):.1f} |"
                for name in size
            ),
            f"| ratio | {size['Kryo'] / size['Java']:.2f} | {sent['Kryo'] / sent['Java']:.2f} | "
            f"{ratio.speedup:.2f} [{ratio.low:.2f}, {ratio.high:.2f}] times as fast |",
        ]  # fmt: skip
    if waiting := results.get("wait"):
        tables["wait"] = [
            "| `spark.locality.wait` | naive, seconds | fixed, seconds | speedup |", "|---|--:|--:|---|",
            _waits("3 s, Spark's default", waiting), _waits("0, here", results["lab0_measuring"]),
        ]  # fmt: skip
    if starts := results.get("ready"):
        tables["ready"] = [
            "| from the built image to | seconds, median | slowest |", "|---|--:|--:|",
            *(f"| {name} | {statistics.median(one):.0f} | {max(one):.0f} |" for name, one in starts.items()),
        ]  # fmt: skip
    if runs := results.get("broadcast"):
        tables["broadcast"] = [
            "| table, MB | workers | left the driver, MB | left all workers together, MB | copies by the driver |",
            "|--:|--:|--:|--:|--:|",
            *(
                f"| {run['size']:.0f} | {len(run['workers'])} | {run['driver']:.0f} | {sum(run['workers']):.0f} | "
                f"{run['driver'] / run['size']:.1f} |"
                for run in runs
            ),
        ]  # fmt: skip
    return tables


def _waits(setting: str, result: dict[str, Any]) -> str:
    naive, fixed = (statistics.median(result["seconds"][arm]) for arm in (BASELINE, CANDIDATE))
    speedup = f"{result['speedup']:.2f} [{result['low']:.2f}, {result['high']:.2f}]"
    return f"| {setting} | {naive:.1f} | {fixed:.1f} | {speedup} |"


def main() -> None:
    """Measures what is named, or everything."""
    results = json.loads(OUT.read_text()) if OUT.exists() else {}
    others = {"kryo": kryo, "wait": wait, "ready": ready, "broadcast": broadcast}
    for name in sys.argv[1:] or [*ids(), *others]:
        if name in others:
            with Progress(name) as progress:
                results[name] = others[name](progress)
        else:
            lab = find(name)
            # While none is up, the demo measures on the embedded cluster.
            cluster.up(lab.constraints.machines)
            demo.demo([lab.id])
            results[name] = json.loads((ROOT / "build" / "demo-docker" / f"{name}.json").read_text())
        OUT.write_text(json.dumps(results, indent=1) + "\n")
    tables = {name: "\n".join(lines) for name, lines in summary(results).items()}
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), tables), encoding="utf-8")
    print(*(f"{name}\n{table}\n" for name, table in tables.items()), sep="\n")


if __name__ == "__main__":
    main()
