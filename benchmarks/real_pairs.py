"""Records real pairs of each lab, and asks the grading rule about samples of them.

    .venv/bin/python benchmarks/real_pairs.py [LAB …] [--rounds 15] [--beside NAME]

In each round the naive way runs twice and the reference once, in random order, each on fresh data: a pair of an
untouched notebook, and a pair of one that is as good as the reference. Writes ``benchmarks/results/real_pairs.json``
after every round, and puts the table into ``course/grading.md``. ``--beside`` names what else ran on the machine
meanwhile; without it the machine is said to be quiet.

The samples are pairs drawn with replacement from those of one lab and one machine. The rule is asked about each
sample as it is about a measurement, with its stops and its second attempt.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
from grading_simulation import DRAWS, POLICY, once

from sparklimits.display.progress import Progress
from sparklimits.display.tables import with_tables
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs import find, ids
from sparklimits.measurement.experiment import Experiment
from sparklimits.measurement.lab import Lab
from sparklimits.measurement.plan import GRADED
from sparklimits.spark import session

RESULTS = Path(__file__).resolve().parent / "results" / "real_pairs.json"
QUIET = "nothing"
SEED = 2026


def record(lab: Lab, rounds: int, beside: str, progress: Progress) -> None:
    """Adds rounds of this lab to the file: seconds of the naive way, of the naive way again, and of the reference."""
    reference = load_functions(reference_path(lab), lab)
    timed = [one.name for one in lab.exercises if one.timed]
    ways = {
        name: {one: way[one] for one in timed} for name, way in (("naive", lab.naive), ("fixed", reference))
    }
    experiment = Experiment(lab, session.get(lab.constraints))
    for way in ("naive", "fixed"):
        progress(f"{lab.id}: warming up, {way}")
        experiment.run(ways[way], share=lab.warm_up)
    order = ["naive", "again", "fixed"]
    for number in range(rounds):
        progress(f"{lab.id}: round {number + 1} of {rounds}")
        random.shuffle(order)
        seconds = {
            one: round(experiment.run(ways["fixed" if one == "fixed" else "naive"]).total, 3) for one in order
        }
        found = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
        RESULTS.write_text(
            json.dumps([*found, {"lab": lab.id, "beside": beside, **seconds}], indent=1) + "\n"
        )
    session.stop()


def sampled(rows: list[dict[str, Any]], candidate: str, gain: float) -> tuple[float, float, float, float]:
    """Shares of samples with full marks, with any and inconclusive, and the mean number of pairs."""
    rng = np.random.default_rng(SEED)
    arms = np.array([[row["naive"] for row in rows], [row[candidate] for row in rows]])
    share, pairs = np.zeros(DRAWS), np.zeros(DRAWS)
    left = np.arange(DRAWS)
    for _ in range(GRADED.attempts):
        drawn = rng.integers(len(rows), size=(len(left), GRADED.most))
        share[left], noisy, used = once(arms[0][drawn], arms[1][drawn], gain)
        pairs[left] += used
        left = left[noisy]
    clear = np.ones(DRAWS, bool)
    clear[left] = False
    full, some = ((share >= 1) & clear).mean(), ((share > 0) & clear).mean()
    return float(full), float(some), len(left) / DRAWS, float(pairs.mean())


def table(rows: list[dict[str, Any]]) -> str:
    """One line for each lab and machine."""
    lines = [
        "| lab | beside it ran | rounds | gain | untouched with marks | pairs | reference without full marks | pairs |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for lab_id, beside in dict.fromkeys((row["lab"], row["beside"]) for row in rows):
        mine = [row for row in rows if (row["lab"], row["beside"]) == (lab_id, beside)]
        gain = find(lab_id).gain
        _, some, _, same_pairs = sampled(mine, "again", gain)
        full, _, open_, pairs = sampled(mine, "fixed", gain)
        middle = np.exp(np.median([np.log(row["naive"] / row["fixed"]) for row in mine]))
        lines.append(
            f"| `{lab_id}` | {beside} | {len(mine)} | {middle:.1f}× | {100 * some:.2f} % | {same_pairs:.1f} | "
            f"{100 * (1 - full - open_):.2f} % | {pairs:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("labs", nargs="*", metavar="LAB")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--beside", default=QUIET)
    options = parser.parse_args()
    with Progress("pairs") as progress:
        for lab_id in options.labs or [one for one in ids() if find(one).speed_earns]:
            record(find(lab_id), options.rounds, options.beside, progress)
    found = table(json.loads(RESULTS.read_text()))
    POLICY.write_text(with_tables(POLICY.read_text(encoding="utf-8"), {"pairs": found}), encoding="utf-8")
    print(found)


if __name__ == "__main__":
    main()
