"""All figures that want a GPU, in one run of at most nine minutes: lab 7's exercise, the device, lab 5's training, DDP.

    python benchmarks/gpu_session.py [--short] [--out FILE] [--page]

It needs PyTorch, NumPy, SciPy, pandas and PyArrow, and no Spark and no network: from a bare copy of this repository,
``PYTHONPATH=src python benchmarks/gpu_session.py`` is enough. Without a GPU it measures the CPU, and says so.
``--short`` is its smallest size, to see that it runs. A part that fails leaves its error and the other parts.

Writes ``benchmarks/results/gpu_session.json`` by the device's name, or the device's own figures to FILE, after each
part. ``--page`` also puts the table of all devices into ``course/lab7_gpu.md``. Its ``speedup`` says
what ``gain`` in ``lab7_gpu/__init__.py`` may be on a card.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from sparklimits.display.tables import with_tables
from sparklimits.labs import lab5_offload, lab7_gpu
from sparklimits.labs.lab5_offload import data as clicks
from sparklimits.labs.lab5_offload.networks import DeepFM, Mlp
from sparklimits.labs.lab7_gpu import accelerator, routes
from sparklimits.labs.lab7_gpu.accelerator import SIZE, Size
from sparklimits.labs.oracles import scores
from sparklimits.machine.gpu import device
from sparklimits.measurement import bars, pairs
from sparklimits.measurement.plan import BASELINE, GRADED, Place, Plan
from sparklimits.spark.timed import clocked

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "results" / "gpu_session.json"
PAGE = ROOT / "course" / "lab7_gpu.md"
#: Seconds after which no further part begins: what is there by then is worth more than a part that is cut off.
LAST_START = 400
Found = dict[str, Any]


def reference(lab: str, function: str) -> Callable[..., Any]:
    """A function as the lab's own notebook defines it."""
    cells = json.loads((ROOT / "solutions" / lab / f"{lab}.ipynb").read_text("utf-8"))["cells"]
    (cell,) = (one for one in cells if one["metadata"].get("nbgrader", {}).get("grade_id") == function)
    namespace: dict[str, Any] = {}
    exec("".join(cell["source"]), namespace)
    return namespace[function]


def exercise(place: torch.device, short: bool) -> Found:
    """Lab 7's ``train_epoch``, in pairs against the naive way, each run checked; and ``half_step``, once."""
    lab = lab7_gpu.LAB
    epoch, step = lab.exercises
    candidate, rng = reference(lab.id, epoch.name), random.Random()
    scale, plan = (0.1, Plan(least=2, most=2)) if short else (1.0, GRADED)
    wrong: list[str] = []
    counted: dict[str, dict[str, float]] = {}

    def inputs() -> tuple[Any, Found]:
        data = lab.make_data(scale, rng.getrandbits(32), "main")
        flat = np.concatenate([part.ravel() for layer in data.start for part in layer])
        return data, {"rows": data.rows, "labels": data.labels, "start": flat}

    def judged(one: Any, outcome: Any, data: Any) -> None:
        outcome.table.attrs = dict(outcome.notes)
        wrong.extend(one.check(outcome.table, data).broken)

    def one(run: Place) -> tuple[float, None]:
        data, given = inputs()
        function = epoch.naive if run.arm == BASELINE else candidate
        outcome, seconds = clocked(lambda: epoch.drive(function, given))
        if not short:
            judged(epoch, outcome, data)
        if run.arm not in counted:
            counted[run.arm] = dict(outcome.counts)
        return seconds, None

    runs = pairs.paired(one, lambda slow, fast: bars.settled(slow, fast, lab.gain), rng=rng, plan=plan)
    data, given = inputs()
    stepped = step.drive(reference(lab.id, step.name), given)
    if not short:
        judged(step, stepped, data)
    slow, fast = (pairs.seconds_of(runs, arm) for arm in (BASELINE, "candidate"))
    ratio, limits = pairs.ratio(slow, fast), bars.Bars.of(lab.gain)
    return {
        "naive_s": slow, "reference_s": fast, "pairs": len(slow), "right": not wrong, "wrong": wrong,
        "speedup": ratio.speedup, "low": ratio.low, "high": ratio.high, "gain_of_the_lab": lab.gain,
        "bars": {"none": limits.none, "full": limits.full}, "share": bars.speed_share(slow, fast, lab.gain),
        "counted": counted, "half_step": dict(stepped.counts),
    }  # fmt: skip


def device_figures(place: torch.device, short: bool) -> Found:
    """What a step costs on the device, what bounds it, and what each remedy gives."""
    size = Size(16, 32) if short else SIZE[place.type]
    if short:
        accelerator.COPIED["cpu"] = accelerator.COPIED["cuda"] = 1 << 18
    few, many = (8, 64) if short else (32, 2048)
    roof = accelerator.roofline(size, (8, 64) if short else (8, 128, 2048), place)
    some = torch.rand(1024 if short else 16_384, size.width, device=place)
    return {
        "network": str(size),
        "parts_ms": {batch: accelerator.parts(size, batch, place) for batch in (few, many)},
        "rows_per_second": dict(
            accelerator.throughput(size, (few, many) if short else (8, 32, 128, 512, 2048, 8192), place)
        ),
        "peaks": accelerator.rungs(place),
        "bandwidth": roof.bandwidth,
        "share_of_peak": {name: reached / roof.peak for name, (_, reached) in roof.points.items()},
        "share_of_roof": {
            name: reached / roof.roof(intensity) for name, (intensity, reached) in roof.points.items()
        },
        "launches_ms": routes.launches(size, 8, place),
        "copies_s": routes.copies(size, few if short else 4096, 4 if short else 32, place),
        "vanished_percent": routes.vanished(
            size.network().to(place), some, torch.ones(len(some), device=place)
        ),
    }


class _Clicks:
    """A table of clicks that has left Spark already."""

    def __init__(self, columns: dict[str, np.ndarray]) -> None:
        self._table = pa.table(
            {
                name: pa.array(list(values)) if values.ndim == 2 else pa.array(values)
                for name, values in columns.items()
            }
        )

    def select(self, *names: str) -> _Clicks:
        return self

    def toArrow(self) -> pa.Table:  # noqa: N802 (Spark's name)
        return self._table


def lab5(place: torch.device, short: bool) -> Found:
    """Lab 5's ``train_model``, with the rows out of Spark already: seconds and held-out loss of both networks."""
    lab = lab5_offload.LAB
    train, data = reference(lab.id, "train_model"), lab.make_data(1.0, 3, "main")
    labels, size = clicks.labels_of(data.train), 2_000 if short else None
    table = _Clicks(
        {
            "label": labels[:size],
            "features": clicks.dense(data.train, data.vocabulary)[:size],
            "fields": clicks.fields(data.train)[:size],
        }
    )
    held_out = {
        "features": clicks.dense(data.held_out, data.vocabulary),
        "fields": clicks.fields(data.held_out),
    }
    found: Found = {}
    for name, make, settings in (
        ("the network", lambda: Mlp(clicks.SIZES), {}),
        ("DeepFM", DeepFM, {"epochs": 2, "rate": 0.003}),
    ):
        train(table, make(), epochs=1)  # warms up
        trained, seconds = clocked(lambda make=make, settings=settings: train(table, make(), **settings))
        with torch.inference_mode():
            logits = trained.cpu()(torch.from_numpy(held_out[trained.column]))
        loss, auc = scores(torch.sigmoid(logits).double().numpy(), clicks.labels_of(data.held_out))
        found[name] = {"seconds": seconds, "held_out_loss": loss, "auc": auc}
    return found


def ddp(place: torch.device, short: bool) -> Found:
    """A step alone, and in a group of DistributedDataParallel that has one member."""
    size = Size(16, 32) if short else SIZE[place.type]
    return {"step_ms": routes.with_one(size, 64 if short else 2048, place)}


def table(results: dict[str, Found]) -> list[str]:
    """The lines of the page's table, one for each device."""
    lines = [
        "| device | transfer, launch, arithmetic of a step on 32 rows, ms | on 2,048 rows "
        "| rows a second, batches of 8 → 2,048 | peak, billion operations a second | memory, GB a second "
        "| share of the peak, 2,048 rows | `train_epoch` |",
        "|---|--:|--:|--:|---|--:|--:|--:|",
    ]
    for name, found in results.items():
        figures, raced = found["device_figures"], found["exercise"]
        rows = figures["rows_per_second"]
        cells = (
            f"{name}; {figures['network']}",
            *(
                ", ".join(f"{ms:.2g}" for ms in figures["parts_ms"][batch].values())
                for batch in ("32", "2048")
            ),
            f"{rows['8']:,.0f} → {rows['2048']:,.0f}",
            ", ".join(f"{kind} {peak / 1e9:,.0f}" for kind, peak in figures["peaks"].items()),
            f"{figures['bandwidth'] / 1e9:,.0f}",
            f"{figures['share_of_peak']['step, 2,048 rows']:.0%}",
            f"{raced['speedup']:.1f}× [{raced['low']:.1f}, {raced['high']:.1f}]",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def told(found: Found) -> str:
    """What a reader wants to know at once, a line for each figure."""
    flat = pd.json_normalize(found, sep=" › ").iloc[0]
    return "\n".join(
        f"  {name}: {value:,.4g}" if isinstance(value, float) else f"  {name}: {value}"
        for name, value in flat.items()
    )


def main() -> int:
    """Exit code 1 when a part failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args()
    began, place = time.monotonic(), device()
    torch.set_num_threads(1)
    name = accelerator.name(place)
    print(f"device: {name}; PyTorch {torch.__version__}", flush=True)
    found: Found = {"device": name, "torch": torch.__version__, "short": options.short, "errors": {}}

    def save() -> dict[str, Found]:
        if options.out:
            options.out.write_text(json.dumps(found, indent=1) + "\n")
            return {name: found}
        results = json.loads(OUT.read_text()) if OUT.exists() else {}
        results[name] = json.loads(json.dumps(found))
        OUT.write_text(json.dumps(results, indent=1) + "\n")
        return dict(results)

    for part in (exercise, device_figures, lab5, ddp):
        if time.monotonic() - began > LAST_START:
            found["errors"][part.__name__] = "not begun: the time was over"
            continue
        try:
            found[part.__name__], seconds = clocked(lambda part=part: part(place, options.short))
            print(f"{part.__name__}, {seconds:.0f} s, on {name}:\n{told(found[part.__name__])}", flush=True)
        except Exception as error:  # the other parts are worth having
            found["errors"][part.__name__] = f"{type(error).__name__}: {error}"
            print(f"{part.__name__} failed: {found['errors'][part.__name__]}", flush=True)
        results = save()
    if options.page:
        whole = {name: one for name, one in results.items() if not one["errors"]}
        text = PAGE.read_text("utf-8")
        PAGE.write_text(with_tables(text, {"devices": "\n".join(table(whole))}), encoding="utf-8")
    return 1 if found["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
