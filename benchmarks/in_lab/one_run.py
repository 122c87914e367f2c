"""One run of a lab on so many times its data; prints what was counted as JSON.

    python one_run.py LAB naive|fixed SCALE REFERENCE.ipynb
    python one_run.py clicks in-memory|in-parts SCALE REFERENCE.ipynb

The second is one pass of lab 5's training over so many times its clicks: by the reference, which has all rows in one
program, or by two trainers on the executors, which read their parts.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from sparklimits.grading.submission import load_functions
from sparklimits.labs import find
from sparklimits.labs.lab5_offload import data as clicks
from sparklimits.labs.lab5_offload import distributed
from sparklimits.labs.lab5_offload.naive import held_out_scores, load
from sparklimits.labs.lab5_offload.networks import Mlp
from sparklimits.machine.paths import scratch
from sparklimits.measurement.experiment import Experiment
from sparklimits.spark import session


def of_lab(name: str, way: str, scale: float, reference: Path) -> dict[str, Any]:
    """Seconds by function, all counters, and what is wrong with the results."""
    lab = find(name)
    functions = lab.naive if way == "naive" else load_functions(reference, lab)
    run = Experiment(lab, session.get(lab.constraints), scale=scale, seed=5).run(functions)
    return {
        "seconds": round(run.total, 1),
        "functions": {function: round(seconds, 1) for function, seconds in run.seconds.items()},
        "counters": dict(run.merged.summary()),
        "broken": list(run.quality.broken),
    }


def of_clicks(way: str, scale: float, reference: Path) -> dict[str, Any]:
    """Seconds of the features and of one pass over them, how many rows one program held, and the held-out loss."""
    lab = find("lab5_offload")
    spark = session.get(lab.constraints)
    data, folder = _many_clicks(scale)
    inputs = load(spark, folder)
    table = inputs["clicks"].select("label", "features")
    torch.manual_seed(1)
    network = Mlp(clicks.SIZES)
    if way == "in-memory":
        functions = load_functions(reference, lab)
        whole, _ = _seconds(lambda: functions["train_model"](inputs["clicks"], network, 1))
        found = {"seconds": whole, "held": round(scale * clicks.SPECS["main"][0].rows)}
    else:
        written, files = _seconds(lambda: distributed.write(table, scratch() / "features"))
        training = distributed.train(files, network, epochs=1)
        size = sum(path.stat().st_size for path in files.glob("*.parquet"))
        found = {
            "seconds": round(written + training.seconds, 1), "written": written, "MB": round(size / 1e6, 1),
            "launched": round(training.launched, 1), "trained": round(training.trained, 1),
            "rows": [one.rows for one in training.trainers], "held": max(one.held for one in training.trainers),
        }  # fmt: skip
    return {**found, "loss": round(held_out_scores(network, data)[0], 4)}


#: Of the clicks that all of them continue.
_SEED = 5


def _many_clicks(scale: float) -> tuple[clicks.ClickData, Path]:
    """The lab's data in a folder, with more files of clicks: no program holds them all at once."""
    data = clicks.make_data(1.0, _SEED, "main")
    folder = clicks.write_data(data, scratch() / "data" / "many")
    spec, world = clicks.SPECS["main"]
    for number in range(1, round(scale)):
        more = dataclasses.replace(data, train=clicks.generate(spec, 1_000 + number, world, turn=_SEED))
        part = clicks.write_data(more, scratch() / "data" / "more")
        for path in (part / "train").glob("*.parquet"):
            path.rename(folder / "train" / f"{number}-{path.name}")
        shutil.rmtree(part)
    return data, folder


def _seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return round(time.perf_counter() - began, 1), result


def main() -> None:
    """One run; the last line on standard output is its JSON."""
    name, way, scale, reference = sys.argv[1], sys.argv[2], float(sys.argv[3]), Path(sys.argv[4])
    try:
        found = of_clicks(way, scale, reference) if name == "clicks" else of_lab(name, way, scale, reference)
    finally:
        session.stop()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
