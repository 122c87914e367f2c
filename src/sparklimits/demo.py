"""Measures every lab's reference and leaves a table, the JSON and the pictures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sparklimits import cluster, evidence, figures
from sparklimits.docker import containers, errands
from sparklimits.experiment import Experiment, scale_from_environment
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs import LABS
from sparklimits.labs.base import Lab
from sparklimits.markdown import as_markdown
from sparklimits.measure import BASELINE, CANDIDATE
from sparklimits.paths import project_root
from sparklimits.progress import Progress
from sparklimits.result import Result

HEADER = ("lab", "limit", "fix", "speedup [low, high]", "the counter that explains it")


def demo(labs: Sequence[Lab]) -> int:
    """Measures these labs, or all when none is named; exit code 0 when every reference passed.

    On the Docker cluster when that is up, which is set up for each lab, else on the embedded one. A measurement of
    some labs leaves what was measured of the others before.
    """
    measure = _on_docker if errands.serve() else _here
    folder = project_root() / "build" / ("demo-docker" if measure is _on_docker else "demo")
    if not labs:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    passed = True
    for lab in labs or LABS.values():
        passed = measure(lab, folder) and passed
    cluster.stop()
    files = [folder / f"{lab}.json" for lab in LABS]
    found = [json.loads(file.read_text()) for file in files if file.is_file()]
    table = as_markdown([HEADER, *map(row, found)])
    (folder / "README.md").write_text(table)
    print(table)
    print(f"The JSON and the pictures are in {folder}.")
    return 0 if passed else 1


def _here(lab: Lab, folder: Path) -> bool:
    progress = Progress(lab.id)
    functions = load_functions(reference_path(lab), lab)
    spark = cluster.session(lab.constraints, lab.id)
    result = Experiment(lab, spark, scale=scale_from_environment(), progress=progress).measure(functions)
    progress.done()
    (folder / f"{lab.id}.json").write_text(json.dumps(result.as_json(), indent=1) + "\n")
    _pictures(result, folder)
    return result.verdict == "passed"


def _on_docker(lab: Lab, folder: Path) -> bool:
    containers.up(lab.constraints.machines)
    reference = reference_path(lab)
    with errands.handed_over({f"solutions/{lab.id}/{reference.name}": reference}) as there:
        code = errands.in_lab(["sparklimits", "demo", lab.id], there)
        errands.bring(f"{there}/build/demo", folder)
    return code == 0


def row(result: Mapping[str, Any]) -> tuple[str, ...]:
    """One lab's line of the table, from :meth:`sparklimits.result.Result.as_json`."""
    lab = LABS[result["lab"]]
    if result["speedup"] is None:
        return (lab.id, lab.limitation, lab.fix, result["verdict"], "; ".join(result["reasons"]))
    shown = [
        evidence.shown(lab.explains, result["evidence"][arm][lab.explains]) for arm in (BASELINE, CANDIDATE)
    ]
    return (
        lab.id,
        lab.limitation,
        lab.fix,
        f"{result['speedup']:.1f} [{result['low']:.1f}, {result['high']:.1f}]",
        f"{evidence.words(lab.explains)}: {shown[0]} → {shown[1]}",
    )


def _pictures(result: Result, folder: Path) -> None:
    if not result.arms:
        return
    (folder / f"{result.lab}.png").write_bytes(figures.as_png(figures.comparison(result)))
    for name, task in result.tasks.items():
        if task.counter != "straggler_ratio":
            continue
        counters = {
            "naive": result.arms[BASELINE].counters[name],
            "fixed": result.arms[CANDIDATE].counters[name],
        }
        picture = figures.task_records(counters, name)
        (folder / f"{result.lab}-{name}.png").write_bytes(figures.as_png(picture))
