"""Lab 5's exercise of the device: what a step costs there, what a large batch is worth, and the reference's score.

    .venv/bin/python benchmarks/device.py [ROUNDS]

It measures the device that PyTorch finds, an NVIDIA GPU or the CPU, and needs no Spark. Writes
``benchmarks/results/device.json``, by the device's name, and the table of all devices in ``course/lab5_offload.md``.
On a GPU the line ``speedup`` says what ``GPU_GAIN`` in ``device_training.py`` may be.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from sparklimits.display.progress import Progress
from sparklimits.display.tables import with_tables
from sparklimits.grading.submission import read_notebook, reference_path
from sparklimits.labs.lab5_offload import LAB, accelerator
from sparklimits.labs.lab5_offload.device_training import PROBLEMS, TrainOn, prove
from sparklimits.labs.lab5_offload.networks import device

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "results" / "device.json"
PAGE = ROOT / "course" / "lab5_offload.md"
KINDS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
SMALL, LARGE = 8, 2048


def reference() -> TrainOn:
    """``train_on`` as the lab's own notebook defines it."""
    (cell,) = (
        one
        for one in read_notebook(reference_path(LAB)).cells
        if one.metadata.get("nbgrader", {}).get("grade_id") == "train_on"
    )
    namespace: dict[str, Any] = {
        "torch": torch,
        "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    }
    exec(cell.source, namespace)
    return namespace["train_on"]


def measured(rounds: int) -> dict[str, Any]:
    """All figures of the device that is there."""
    place = device()
    with Progress("device") as progress:
        problem = PROBLEMS[place.type]
        network = problem.network()
        progress("a step, and its parts")
        found: dict[str, Any] = {
            "problem": f"{problem.width} numbers, two layers of {problem.hidden:,}, {problem.batch:,} rows in a batch",
            "parts_ms": accelerator.parts(network, problem.batch, problem.width, place),
            "peak": {name: accelerator.peak(place, kind) for name, kind in KINDS.items()},
            "rows_per_second": {
                name: dict(accelerator.throughput(network, (SMALL, LARGE), problem.width, place, kind))
                for name, kind in KINDS.items()
            },
            "share_of_peak": {
                name: accelerator.share_of_peak(network, LARGE, problem.width, place, kind)
                for name, kind in KINDS.items()
            },
            "reference": [],
        }
        candidate = reference()
        for _ in range(rounds):
            proof = prove(candidate, progress)
            found["reference"].append({"share": proof.share, "speedup": proof.speedup, "says": str(proof)})
    return found


def table(results: dict[str, Any]) -> list[str]:
    """The lines of the table, one for each device."""
    lines = [
        "| device | network | transfer, launch, arithmetic of a step, ms | rows a second in batches of 8 → 2,048 "
        "| peak in float32 → bfloat16, billion operations a second | share of that peak | the reference |",
        "|---|---|--:|--:|--:|--:|---|",
    ]
    for name, found in results.items():
        rows = found["rows_per_second"]["float32"]
        gains = [one["speedup"] for one in found["reference"]]
        cells = (
            name,
            found["problem"],
            ", ".join(f"{found['parts_ms'][part]:.2g}" for part in ("transfer", "launch", "arithmetic")),
            " → ".join(f"{rows[size]:,.0f}" for size in rows),
            " → ".join(f"{found['peak'][kind] / 1e9:,.0f}" for kind in KINDS),
            " → ".join(f"{found['share_of_peak'][kind]:.0%}" for kind in KINDS),
            "scored by what it does"
            if gains[0] != gains[0]
            else f"{min(gains):.1f} to {max(gains):.1f} times as fast",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Measures this machine's device; the other devices keep their lines."""
    results = json.loads(OUT.read_text()) if OUT.exists() else {}
    name = accelerator.name(device())
    results[name] = json.loads(json.dumps(measured(int(sys.argv[1]) if sys.argv[1:] else 3)))
    OUT.write_text(json.dumps(results, indent=1) + "\n")
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_tables(page, {"device": "\n".join(table(results))}), encoding="utf-8")
    print("\n".join(table(results)))


if __name__ == "__main__":
    main()
