"""Measures every lab's reference and leaves a table, the JSON and the pictures."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparklimits import labs
from sparklimits.containers import cluster, errands
from sparklimits.display import figures
from sparklimits.display.progress import Progress
from sparklimits.display.tables import as_markdown
from sparklimits.errors import SparkLimitsError
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.machine.paths import project_root
from sparklimits.machine.scale import scale_from_environment
from sparklimits.measurement.experiment import Experiment
from sparklimits.measurement.plan import BASELINE, CANDIDATE, GRADED, ROUGH, Plan
from sparklimits.measurement.result import Result
from sparklimits.spark import session
from sparklimits.spark.counters import counter_name, counter_value

HEADER = ("lab", "limit", "fix", "speedup [low, high]", "the counter that explains it")
#: The lab that is measured first: the one whose picture tells most at a glance.
FIRST = "lab2_skew"


@dataclass(frozen=True)
class Size:
    """How much is measured: a factor for the data, the plan of the pairs, and a word about it."""

    scale: float
    plan: Plan
    remark: str = ""


WHOLE = Size(1.0, GRADED)
QUICK = Size(
    0.3,
    ROUGH,
    "This was a quick look, on 0.3 of the data and in two pairs: counters hold, speedups are rough and mostly smaller.",
)


def demo(wanted: Sequence[str], quick: bool = False) -> int:
    """Measures these labs, or all when none is named, and prints each one's row when it is done.

    On the Docker cluster when that is up, which is set up for each lab, else on the embedded one. A measurement of
    some labs leaves what was measured of the others before. A lab that fails leaves the others' rows, and its reason.

    Returns:
        Exit code 0 when every reference passed; of a quick look, when every lab was measured.
    """
    in_containers = errands.serve()
    size = QUICK if quick else WHOLE
    name = "demo" + ("-quick" if quick else "") + ("-docker" if in_containers else "")
    folder = project_root() / "build" / name
    if not wanted:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    ids = labs.ids()
    fine = True
    for lab_id in wanted or sorted(ids, key=lambda one: (one != FIRST, one)):
        try:
            measured = _in_containers(lab_id, folder, quick) if in_containers else _here(lab_id, folder, size)
        except SparkLimitsError as error:
            print(f"{lab_id}: not measured. {error}", flush=True)
            fine = False
            continue
        fine = fine and (measured["verdict"] == "passed" or (quick and measured["speedup"] is not None))
        print(" │ ".join(row(measured)), flush=True)
    session.stop()
    files = [folder / f"{lab_id}.json" for lab_id in ids]
    found = [json.loads(file.read_text()) for file in files if file.is_file()]
    if found:
        table = as_markdown([HEADER, *map(row, found)])
        (folder / "README.md").write_text(table)
        print(f"\n{table}")
    if size.remark:
        print(size.remark)
    print(f"The JSON and the pictures are in {folder}.")
    return 0 if fine else 1


def _here(lab_id: str, folder: Path, size: Size) -> Mapping[str, Any]:
    lab = labs.find(lab_id)
    functions = load_functions(reference_path(lab), lab)
    with Progress(lab.id) as progress:
        progress("starting Spark")
        spark = session.get(lab.constraints, lab.id)
        scale = size.scale * scale_from_environment()
        result = Experiment(lab, spark, scale=scale, plan=size.plan, progress=progress).measure(functions)
    measured = result.as_json()
    (folder / f"{lab.id}.json").write_text(json.dumps(measured, indent=1) + "\n")
    _pictures(result, folder)
    return measured


def _in_containers(lab_id: str, folder: Path, quick: bool) -> Mapping[str, Any]:
    lab = labs.find(lab_id)
    cluster.up(lab.constraints.machines)
    reference = reference_path(lab)
    with errands.handed_over({f"solutions/{lab.id}/{reference.name}": reference}) as there:
        options = ["--quick"] if quick else []
        # Its table of one row is not wanted here: the whole one follows.
        errands.in_lab(["sparklimits", "demo", lab.id, *options], there, to=sys.stderr)
        errands.bring(f"{there}/build/demo{'-quick' if quick else ''}", folder)
    file = folder / f"{lab.id}.json"
    if not file.is_file():
        raise SparkLimitsError("Its container says above why.")
    measured: Mapping[str, Any] = json.loads(file.read_text())
    return measured


def row(result: Mapping[str, Any]) -> tuple[str, ...]:
    """One lab's line of the table, from :meth:`sparklimits.measurement.result.Result.as_json`."""
    lab = labs.find(result["lab"])
    if result["speedup"] is None:
        return (lab.id, lab.limitation, lab.fix, result["verdict"], "; ".join(result["reasons"]))
    timed = [one.name for one in lab.exercises if one.timed]
    counted = [result["evidence"][arm] for arm in (BASELINE, CANDIDATE)]
    if len(timed) == 1:  # the counter beside the speedup is of the same function
        counted = [one["functions"][timed[0]] for one in counted]
    shown = [counter_value(lab.explains, one[lab.explains]) for one in counted]
    return (
        lab.id,
        lab.limitation,
        lab.fix,
        f"{result['speedup']:.1f} [{result['low']:.1f}, {result['high']:.1f}]",
        f"{counter_name(lab.explains)}: {shown[0]} → {shown[1]}",
    )


def _pictures(result: Result, folder: Path) -> None:
    if not result.seconds:
        return
    (folder / f"{result.lab}.png").write_bytes(figures.as_png(figures.comparison(result)))
    for name, part in result.exercises.items():
        if part.counter != "straggler_ratio":
            continue
        counters = {
            "naive": result.arms[BASELINE].counters[name],
            "fixed": result.arms[CANDIDATE].counters[name],
        }
        picture = figures.task_records(counters, name)
        (folder / f"{result.lab}-{name}.png").write_bytes(figures.as_png(picture))
