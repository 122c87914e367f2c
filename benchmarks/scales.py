"""What more data do: both ways of labs 1 to 3 on 1 to 30 times the data of a class, and lab 5's clicks by the million.

    .venv/bin/python benchmarks/scales.py [LAB …] [--scales 1 3 10 30] [--limit 15] [--containers]

A LAB is the name of one of these, or ``clicks``: 36,000 at scale 1. Left out, it is all of them.
Each step is one run of one way at one scale, in a process of its own, with no warm-up: counters and bytes are exact,
seconds are rough, and are not shown where others used the machine. A step that takes longer than the limit, in minutes,
is cut off, and larger scales of the same way are left out. Results are written after every step, and what is there
already is not run again, but with ``--again``. With ``--containers`` the steps of labs 1 to 3 run on the cluster of
containers, which is started for each lab.

Writes ``benchmarks/results/scales.json``, and the tables and the picture of ``course/clusters.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from sparklimits.containers import cluster, errands
from sparklimits.display import figures
from sparklimits.display.figures import FIXED, NAIVE, QUIET, Picture
from sparklimits.display.progress import Progress
from sparklimits.display.tables import with_tables
from sparklimits.errors import MachineError
from sparklimits.grading.submission import reference_path
from sparklimits.labs import find
from sparklimits.labs.lab3_network.data import SPECS
from sparklimits.labs.lab3_network.links import Links
from sparklimits.spark.counters import counter_name, counter_value

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "results" / "scales.json"
PAGE = ROOT / "course" / "clusters.md"
PICTURE = ROOT / "course" / "figures" / "scales.png"
PROGRAM = ROOT / "benchmarks" / "in_lab" / "one_run.py"
#: The counter that grows with the data, for each lab.
COUNTED = {
    "lab1_memory": "input_records",
    "lab2_skew": "heaviest_task_records",
    "lab3_network": "shuffle_bytes",
}
USUAL = (*COUNTED, "clicks")
SCALES = (1.0, 3.0, 10.0, 30.0)
#: The cluster that lab 3's notebook asks its calculator about, and the cluster of containers as that lab wants it.
WIRES = Links(machines=20, gigabits=1)
_CONTAINERS = find("lab3_network").constraints.machines
CONTAINERS = Links(machines=_CONTAINERS.workers, gigabits=_CONTAINERS.mbit[0] / 1000)
#: Share of the processors that others had before a step from which on its seconds say nothing, and are not shown.
BUSY = 0.25
Found = dict[str, Any]


def ways(name: str) -> tuple[str, str]:
    """The two ways of a lab, the one without the remedy first."""
    return ("in-memory", "in-parts") if name == "clicks" else ("naive", "fixed")


def step(name: str, way: str, scale: float, minutes: float, containers: bool) -> Found:
    """What one run gave; or its ``error``; or, when it was cut off, the minutes that it had: ``cut``."""
    reference = reference_path(find("lab5_offload" if name == "clicks" else name))
    arguments = [name, way, f"{scale:g}"]
    # What others do on this machine: nothing of ours runs now.
    busy = psutil.cpu_percent(3) / 100
    began = time.monotonic()
    if containers:
        said, failed = _in_containers(arguments, reference, minutes)
    else:
        said, failed = _here([*arguments, str(reference)], minutes)
    took = (time.monotonic() - began) / 60
    if said:
        found: Found = json.loads(said.splitlines()[-1])
        return {**found, "minutes": round(took, 1), "busy": round(busy, 2)}
    return {"cut": minutes} if took >= minutes else {"error": failed, "minutes": round(took, 1)}


def _here(arguments: list[str], minutes: float) -> tuple[str, str]:
    """What the program said, and the last line of its complaint."""
    run = subprocess.Popen(
        [sys.executable, PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        said, complaint = run.communicate(timeout=60 * minutes)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGTERM)  # its Java and the executors too
        time.sleep(5)
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        return "", ""
    last = (complaint.strip().splitlines() or [f"it ended with exit code {run.returncode}"])[-1]
    return ("" if run.returncode else said), last


def _in_containers(arguments: list[str], reference: Path, minutes: float) -> tuple[str, str]:
    files = {PROGRAM.name: PROGRAM, reference.name: reference}
    limited = ["timeout", "--kill-after=20", f"{60 * minutes:.0f}", "python", PROGRAM.name]
    with errands.handed_over(files) as there:
        try:
            return errands.said_in_lab([*limited, *arguments, reference.name], there), ""
        except MachineError as error:
            return "", str(error)


def line(name: str, scale: float, first: Mapping[str, float] | None) -> float | None:
    """What is expected of the naive way's counter before the run; nothing where there is no run at scale 1.

    For lab 3, the notebook's calculation: rows, times numbers in a row, times four bytes. Else in proportion to the
    rows.
    """
    if name == "lab3_network":
        spec = SPECS["main"]
        return scale * (spec.purchases + spec.views) * spec.width * 4
    return scale * first[COUNTED[name]] if first else None


def tables(found: Found, containers: bool) -> dict[str, str]:
    """The page's tables, by the name of their markers."""
    after = "-containers" if containers else ""
    lines = [
        "| lab | times the data | counter | naive | expected | fixed | naive, s | fixed, s |",
        "|---|--:|---|--:|--:|--:|--:|--:|",
    ]
    wires = [
        "| times the data | naive, MB | on the wire, s | fixed, MB | on the wire, s |",
        "|--:|--:|--:|--:|--:|",
    ]
    clicks = [
        "| clicks | all rows in one program, s | in parts, s | of these: launch | a pass | Parquet, MB "
        "| rows, each trainer | rows held at most | held-out loss of both |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for name in COUNTED:
        runs = found.get(name, {})
        for scale in sorted({float(one) for way in runs.values() for one in way}):
            naive, fixed = (runs.get(way, {}).get(f"{scale:g}", {}) for way in ways(name))
            first = runs.get("naive", {}).get("1", {}).get("counters")
            counter, expected = COUNTED[name], line(name, scale, first)
            cells = [
                _counted(naive, counter),
                "" if expected is None else counter_value(counter, expected),
                _counted(fixed, counter),
                *(_seconds(one) for one in (naive, fixed)),
            ]
            lines.append(f"| {name} | {scale:g} | {counter_name(counter)} | {' | '.join(cells)} |")
            if name == "lab3_network":
                shown = [f"{scale:g}"]
                for one in (naive, fixed):
                    sent = one.get("counters", {}).get(counter)
                    links = CONTAINERS if containers else WIRES
                    on_wire = "" if sent is None else f"{links.seconds(sent, rounds=2):,.2f}"
                    shown += [_counted(one, counter), on_wire]
                wires.append(f"| {' | '.join(shown)} |")
    for scale in sorted({float(one) for way in found.get("clicks", {}).values() for one in way}):
        whole, parts = (found["clicks"].get(way, {}).get(f"{scale:g}", {}) for way in ways("clicks"))
        cells = [_seconds(whole), _seconds(parts)]
        timed = parts if _timed(parts) else {}
        cells += [f"{timed[key]:g}" if key in timed else "" for key in ("launched", "trained")]
        cells.append(f"{parts['MB']:g}" if "MB" in parts else "")
        cells.append(" and ".join(f"{rows:,}" for rows in parts.get("rows", ())))
        cells.append(f"{parts['held']:,}" if "held" in parts else "")
        cells.append(", ".join(f"{one['loss']:.3f}" for one in (whole, parts) if "loss" in one))
        clicks.append(f"| {round(36_000 * scale):,} | {' | '.join(cells)} |")
    parts = {"scales": lines, "wires": wires, **({} if containers else {"clicks": clicks})}
    return {name + after: "\n".join(rows) for name, rows in parts.items()}


def _counted(one: Found, counter: str) -> str:
    return counter_value(counter, one["counters"][counter]) if "counters" in one else ""


def _timed(one: Found) -> bool:
    """Whether the seconds of this run say anything: others left the machine alone when it began."""
    return "seconds" in one and one["busy"] <= BUSY


def _seconds(one: Found) -> str:
    if "cut" in one:
        return f"cut off after {one['cut']:g} min"
    if "error" in one:
        return str(one["error"]).replace("|", "/")
    if wrong := one.get("broken"):
        return f"not right: {'; '.join(wrong)}"
    if "seconds" not in one:
        return ""
    return f"{one['seconds']:,.0f}" if _timed(one) else "machine busy"


def picture(found: Found) -> Picture:
    """The counter of each lab against the size of the data, with the line that was expected; seconds below, if any."""
    shown = ["counter"]
    if any(_timed(one) for name in COUNTED for way in found.get(name, {}).values() for one in way.values()):
        shown.append("seconds")
    drawn = Picture(10.0, 0.2 + 2.5 * len(shown))
    panels = drawn.subplots(len(shown), len(COUNTED), squeeze=False, sharex=True)
    for column, (name, counter) in enumerate(COUNTED.items()):
        runs = found.get(name, {})
        unit = 1e6 if counter.endswith("_bytes") else 1
        first = runs.get("naive", {}).get("1", {}).get("counters")
        for row, what in enumerate(shown):
            axes = panels[row][column]
            for way, colour, style, mark in (("naive", NAIVE, "-", "o"), ("fixed", FIXED, "--", "s")):
                points = sorted(
                    (float(scale), one["counters"][counter] / unit if what == "counter" else one["seconds"])
                    for scale, one in runs.get(way, {}).items()
                    if "counters" in one and (what == "counter" or _timed(one))
                )
                if points:
                    axes.plot(*zip(*points, strict=True), style, marker=mark, color=colour, label=way)
            if what == "counter" and (scales := sorted({float(s) for way in runs.values() for s in way})):
                expected = [value / unit for s in scales if (value := line(name, s, first)) is not None]
                if len(expected) == len(scales):
                    axes.plot(scales, expected, ":", color=QUIET, linewidth=4, zorder=0, label="expected")
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_xticks(SCALES, [f"{scale:g}" for scale in SCALES])
            axes.minorticks_off()
            axes.set_ylabel(counter_name(counter) if what == "counter" else "seconds (one run)")
            if row == len(shown) - 1:
                axes.set_xlabel("times the data of a class")
            if not row:
                axes.set_title(name, fontsize="medium")
    panels[0][0].legend(frameon=False)
    return drawn


def main() -> None:
    """Runs what is named and not there yet, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labs", nargs="*", metavar="LAB")
    parser.add_argument("--scales", nargs="+", type=float, default=SCALES)
    parser.add_argument("--limit", type=float, default=15.0, help="minutes that one step may take")
    parser.add_argument("--containers", action="store_true")
    parser.add_argument("--again", action="store_true", help="run also what is there already")
    options = parser.parse_args()
    labs = options.labs or (COUNTED if options.containers else USUAL)
    results: Found = json.loads(OUT.read_text()) if OUT.exists() else {}
    found = results.setdefault("containers" if options.containers else "embedded", {})
    os.environ.pop("SPARKLIMITS_SCALE", None)
    with Progress("scales") as progress:
        for scale in sorted(options.scales):
            for name in labs:
                for way in ways(name):
                    done = found.setdefault(name, {}).setdefault(way, {})
                    cut = any("cut" in one and float(size) < scale for size, one in done.items())
                    if cut or (
                        f"{scale:g}" in done and "error" not in done[f"{scale:g}"] and not options.again
                    ):
                        continue
                    progress(f"{name}, {way}, {scale:g} times the data")
                    if options.containers:
                        cluster.up(find(name).constraints.machines)
                    done[f"{scale:g}"] = step(name, way, scale, options.limit, options.containers)
                    print(name, way, f"{scale:g}", json.dumps(done[f"{scale:g}"]), flush=True)
                    OUT.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    written = tables(found, options.containers)
    print(*(f"{name}\n{table}\n" for name, table in written.items()), sep="\n")
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), written), encoding="utf-8")
    if not options.containers:
        PICTURE.write_bytes(figures.as_png(picture(found)))


if __name__ == "__main__":
    main()
