"""Does every notebook run from top to bottom on a small machine, and in how many minutes?

    .venv/bin/python benchmarks/notebooks.py [NOTEBOOK …]      for example solutions/lab2_skew labs/lab2_skew

The machine is a container of two cores and 6 GB, without swap, of the image that `sparklimits cluster up` builds; the
notebook runs there on the embedded cluster. Without names: all notebooks as students get them, and all solutions.
``cluster/LAB`` is the solution in the lab's container of the cluster, set up as the lab wants it.
Writes ``benchmarks/results/notebooks.json`` after each and the table of ``course/grading.md``. The memory is the most
that was seen, looked at every few seconds.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from sparklimits.containers import cluster, engine, errands, image
from sparklimits.display.progress import Progress
from sparklimits.display.tables import as_markdown, with_tables
from sparklimits.errors import MachineError
from sparklimits.grading.submission import reference_path
from sparklimits.labs import find, ids

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "results" / "notebooks.json"
PAGE = ROOT / "course" / "grading.md"
CORES, MEMORY_GB = 2, 6
ROOMS = {
    "labs": "as students get it",
    "solutions": "solution",
    "cluster": "solution on the cluster of containers",
}
EXECUTE = ("jupyter", "nbconvert", "--execute", "--to", "notebook", "--stdout", "--log-level", "ERROR")
#: Where the kernel counts a container's memory: there is the first or the second, and its `rss` or `anon`.
_STATISTICS = ("/sys/fs/cgroup/memory/memory.stat", "/sys/fs/cgroup/memory.stat")


def top_to_bottom(notebook: Path, progress: Progress) -> dict[str, Any]:
    """Seconds, the most memory that was seen in GB, and the error that ended it, if one did."""
    name = f"notebook-{uuid.uuid4().hex[:8]}"
    command = [
        "docker", "run", "--rm", "--init", "--name", name, "--cpus", str(CORES),
        "--memory", f"{MEMORY_GB}g", "--memory-swap", f"{MEMORY_GB}g",
        "--volume", f"{notebook.parent}:/notebook:ro", image.name(gpu=False),
        *EXECUTE, f"/notebook/{notebook.name}",
    ]  # fmt: skip
    began = time.monotonic()
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    most = 0.0
    while run.poll() is None:
        progress(f"{notebook.parent.parent.name}/{notebook.stem}, {most:.1f} GB at most")
        most = max(most, _memory(name))
        time.sleep(2)
    seconds = time.monotonic() - began
    said = run.stderr.read().strip().splitlines() if run.stderr else []
    return {"seconds": round(seconds), "GB": round(most, 1), "error": said[-1:] if run.returncode else []}


def on_the_cluster(lab: str, progress: Progress) -> dict[str, Any]:
    """Seconds of the solution on the cluster of containers, and the error that ended it, if one did."""
    progress(f"the cluster for {lab}")
    cluster.up(find(lab).constraints.machines)
    with errands.handed_over({"notebook.ipynb": reference_path(find(lab))}) as there:
        began, error = time.monotonic(), []
        progress(f"{lab} on the cluster")
        try:
            errands.said_in_lab([*EXECUTE, "notebook.ipynb"], there)
        except MachineError as found:
            error = [str(found)]
        return {"seconds": round(time.monotonic() - began), "error": error}


def _memory(container: str) -> float:
    """GB that its processes hold now, without the files that the kernel caches; 0 when it is not there (yet)."""
    shown = engine.run(["docker", "exec", container, "cat", *_STATISTICS]).stdout
    return sum(float(held) for held in re.findall(r"^(?:rss|anon) (\d+)$", shown, re.MULTILINE)) / 1e9


def table(results: dict[str, Any]) -> str:
    """A line for each lab: as students get it, and the solution."""
    rows = [("lab", *ROOMS.values(), "most memory")]
    for lab in ids():
        runs = [results[f"{room}/{lab}"] for room in ROOMS]
        times = (run["error"][0] if run["error"] else f"{run['seconds']} s" for run in runs)
        rows.append((lab, *times, f"{max(run.get('GB', 0.0) for run in runs):.1f} GB"))
    return as_markdown(rows)


def main() -> None:
    """Runs the notebooks that are named, or all."""
    every = [f"{room}/{lab}" for room in ROOMS for lab in ids()]
    results = json.loads(OUT.read_text()) if OUT.exists() else {}
    with Progress("notebooks") as progress:
        for name in sys.argv[1:] or every:
            room, lab = name.split("/")
            results[name] = (
                on_the_cluster(lab, progress)
                if room == "cluster"
                else top_to_bottom(ROOT / room / lab / f"{lab}.ipynb", progress)
            )
            OUT.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n")
            print(name, *results[name].values())
    if set(every) <= set(results):
        PAGE.write_text(
            with_tables(PAGE.read_text(encoding="utf-8"), {"notebooks": table(results)}), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
