"""Lab 4's ways to train in parallel, each until the same loss on held-out clicks: seconds, jobs, and what hurts.

    .venv/bin/python benchmarks/synchronisation_routes.py [--runs 3] [--tables NAME …]

Writes ``benchmarks/results/synchronisation_routes.json``, the tables in ``course/lab4_synchronisation.md`` and the
picture ``course/figures/lab4_routes.png``, anew after each data set. Every run has clicks of its own; on the same
clicks, all ways but MLlib's start from the same table. Everything runs on this machine: what goes from one process
to another goes over loopback. The pages quote ratios of times, of runs on the same clicks in random order.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sparklimits.display import figures
from sparklimits.display.progress import Progress
from sparklimits.display.tables import with_tables
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs.lab4_synchronisation import LAB, data, naive
from sparklimits.labs.lab4_synchronisation.training import asynchronous, mllib, ring
from sparklimits.labs.lab4_synchronisation.training.compression import pushes_largest
from sparklimits.labs.lab4_synchronisation.training.fm import Batch
from sparklimits.labs.lab4_synchronisation.training.rpc import Handle
from sparklimits.labs.lab4_synchronisation.training.sharding import Sharding
from sparklimits.spark import session
from sparklimits.spark.timed import timed

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "results" / "synchronisation_routes.json"
PAGE = ROOT / "course" / "lab4_synchronisation.md"
PICTURE = ROOT / "course" / "figures" / "lab4_routes.png"
#: The slow machine computes each change so many times more than it must.
LOAD = 30
MLLIB, NAIVE = "MLlib's `FMClassifier`, as many clicks in a step", "one Spark job for each step"
IN_STEP, SERVER = (
    "parameter server, in step, whole table",
    "parameter server, asynchronous, touched rows",
)
#: MLlib looks at no held-out clicks: it is trained anew with more steps, until the target is reached.
MLLIB_STEPS = (60, 80, 100, 130)

Way = Callable[[Mapping[str, Any]], Any]


def ways() -> dict[str, dict[str, Way]]:
    """The ways by table and name; each gets the lab's inputs, and trains."""
    functions = load_functions(reference_path(LAB), LAB)
    train_round, worker = functions["train_round"], functions["worker"]

    def local(period: int) -> Way:
        return partial(
            naive.in_rounds, lambda shards, table, start: train_round(shards, table, start, period)
        )

    def bounded(bound: int | None, load: int) -> Way:
        return lambda inputs: naive.with_server(worker, naive.with_slow_machine(inputs, load), bound)

    def slow(way: Way) -> Way:
        return lambda inputs: way(naive.with_slow_machine(inputs, LOAD))

    def of_mllib(inputs: Mapping[str, Any]) -> Any:
        clicks, goal = inputs["mllib"], inputs["goal"]
        return mllib.train(clicks, goal, data.RANK, 1 / data.BATCHES, goal.steps).as_outcome()

    def shared(servers: int, by: Literal["range", "hash"] = "range") -> Way:
        def way(inputs: Mapping[str, Any]) -> Any:
            start = inputs["start"]
            sharding = Sharding(len(start), servers, by)
            return asynchronous.train(
                worker, inputs["shards"], start, inputs["goal"], naive.BOUND, sharding
            ).as_outcome()

        return way

    def compressed(keep: int, remember: bool = True) -> Way:
        return partial(naive.with_server, pushes_largest(worker, keep, remember))

    routes: dict[str, Way] = {
        MLLIB: of_mllib,
        NAIVE: partial(naive.in_rounds, naive.train_round),
        "all-reduce after each step": naive.with_all_reduce,
        IN_STEP: partial(naive.with_server, naive.worker),
        SERVER: partial(naive.with_server, worker),
        "local SGD, 40 steps in each job": local(40),
    }
    return {
        "routes": routes,
        "slow machine": {
            "all-reduce after each step": slow(naive.with_all_reduce),
            "parameter server, bound 0": bounded(0, LOAD),
            "parameter server, bound 16": bounded(16, LOAD),
            "parameter server, no bound": bounded(None, LOAD),
            "local SGD, 40 steps in each job": slow(local(40)),
        },
        "too rare": {f"{period} steps in each job": local(period) for period in (4, 40, 160, 320, 640)},
        "too stale": {
            "a pull before each push": seldom(1, own=True),
            **{f"a pull before every {every} pushes": seldom(every, own=True) for every in (4, 16, 64, 128)},
            **{
                f"before every {every} pushes, own pushes forgotten": seldom(every, own=False)
                for every in (2, 4)
            },
        },
        "compression": {
            "all touched rows": compressed(data.ROWS),
            **{f"{keep:,} rows": compressed(keep) for keep in (3_000, 1_000, 300, 100)},
            **{
                f"{keep:,} rows, the others dropped": compressed(keep, remember=False)
                for keep in (1_000, 300)
            },
        },
        "servers": {
            "1 server": shared(1),
            "2 servers, by range": shared(2),
            "2 servers, by hash": shared(2, "hash"),
            "4 servers, by range": shared(4),
        },
    }


def seldom(every: int, own: bool) -> Way:
    """A training without a bound, whose workers pull before every so many pushes."""
    return lambda inputs: naive.with_server(partial(pulls_seldom, every=every, own=own), inputs, None)


def pulls_seldom(server: Handle, batches: Iterator[Batch], every: int, own: bool) -> None:
    """A worker that computes several changes from a copy that grows old, but for its ``own`` changes."""
    for number, batch in enumerate(batches):
        if number % every == 0:
            table = server.pull()
        rows, few = batch.touched()
        change = few.change(table[rows])
        server.push(change, rows)
        if own:
            table[rows] += change / data.WORKERS  # as the server adds it


def measured(way: Way, inputs: Mapping[str, Any], target: float) -> dict[str, Any]:
    """One training: seconds to the end, jobs, whether it reached the target, and its curve."""
    run = timed(session.get(LAB.constraints), "route", lambda: way(inputs))
    notes = run.output.notes
    losses = [loss for _, _, loss in notes["curve"]]
    return {
        "seconds": round(run.seconds, 3),
        "launch": round(notes["launch"], 3),
        "after_launch": round(notes["curve"][-1][0] - notes["launch"], 3),
        "jobs": run.counters.jobs,
        "steps": notes["curve"][-1][1],
        "reached": losses[-1] <= target,
        "lowest_loss": round(min(losses), 4),
        "target": round(target, 4),
        "server_bytes": run.output.counts.get("server_bytes"),
        "pushed_bytes": run.output.counts.get("server_pushed_bytes"),
        "busiest_bytes": max(notes.get("bytes_of_each_server", [0])),
        "waited": round(max(notes.get("seconds_waited", [0.0])), 3),
        "curve": [(round(seconds, 3), round(loss, 4)) for seconds, _, loss in notes["curve"]],
    }


def measured_mllib(way: Way, inputs: Mapping[str, Any], target: float) -> dict[str, Any]:
    """The shortest training of MLlib that reaches the target. Its curve has a point for each that was tried."""
    curve: list[tuple[float, float]] = []
    for steps in MLLIB_STEPS:
        one = measured(way, {**inputs, "goal": replace(inputs["goal"], steps=steps)}, target)
        one["seconds"] = one["after_launch"]  # without the way of the finished model to Python
        curve += one["curve"]
        if one["reached"]:
            break
    return {**one, "curve": curve}


def rings() -> list[str]:
    """The table of bytes that go one after another in rings of some sizes, counted."""
    mine = load_functions(reference_path(LAB), LAB)["all_reduce"]
    table = ["| workers | all numbers all the way round, MB | in pieces, MB |", "|--:|--:|--:|"]
    for workers in (2, 4, 8, 16):
        parts = np.zeros((workers, data.ROWS * (1 + data.RANK)), np.float32)
        counted = [
            max(one.in_a_row for one in ring.among_threads(way, parts)[1]) for way in (naive.all_reduce, mine)
        ]
        table.append(f"| {workers} | {counted[0] / 1e6:.1f} | {counted[1] / 1e6:.1f} |")
    return table


def run_all(runs: int, wanted: Sequence[str]) -> Iterator[dict[str, dict[str, list[dict[str, Any]]]]]:
    """Every way on so many data sets, in random order on each: all that was found, after each data set.

    The routes run once before, to warm up; MLlib's, which takes minutes, warms up on its own first steps.
    """
    spark = session.get(LAB.constraints)
    with Progress("routes") as progress:
        tables = {table: part for table, part in ways().items() if table in wanted}
        found: dict[str, dict[str, list[dict[str, Any]]]] = {
            table: {name: [] for name in part} for table, part in tables.items()
        }
        for run in range(-1, runs):
            clicks = data.make_data(1.0, 1_000 + run, "main")
            with tempfile.TemporaryDirectory() as folder:
                inputs = data.load(spark, data.write_data(clicks, Path(folder) / "clicks"))
                # A training that will never reach the target is stopped after so many steps.
                inputs["goal"] = replace(inputs["goal"], steps=960)
                inputs["mllib"] = mllib.clicks(spark, inputs["shards"])
                order = [(table, name) for table, part in tables.items() for name in part]
                if run < 0:
                    order = [(table, name) for table, name in order if table == "routes" and name != MLLIB]
                random.Random(run).shuffle(order)
                for table, name in order:
                    progress(f"run {run + 1} of {runs}: {name}")
                    measure = measured_mllib if name == MLLIB else measured
                    one = measure(tables[table][name], inputs, clicks.target)
                    if run >= 0:
                        found[table][name].append(one)
            if run >= 0:
                yield found
    session.stop()


def pages(found: Mapping[str, Mapping[str, list[dict[str, Any]]]]) -> dict[str, list[str]]:
    """The chapter's tables, as lines of Markdown, by the name of their markers."""
    slow = [one["seconds"] for one in found["routes"][NAIVE]]

    def median(runs: list[dict[str, Any]], key: str) -> float:
        return statistics.median(one[key] for one in runs)

    def times(runs: list[dict[str, Any]], key: str) -> str:
        ratio = statistics.median(naive / one[key] for naive, one in zip(slow, runs, strict=True))
        return f"{ratio:.1f}×"

    def as_long(runs: list[dict[str, Any]], others: list[dict[str, Any]]) -> str:
        pairs = zip(runs, others, strict=True)
        ratio = statistics.median(one["after_launch"] / other["after_launch"] for one, other in pairs)
        return f"{ratio:.2f}×"

    def reached(name: str, runs: list[dict[str, Any]], counted: str) -> str:
        above = statistics.median(one["lowest_loss"] - one["target"] for one in runs)
        often, steps = sum(one["reached"] for one in runs), median(runs, "steps")
        return f"| {name} | {often} of {len(runs)} | {steps:.0f} | {counted} | {above:+.4f} |"

    routes = [
        "| way | target reached | steps | jobs | MB through the server | times sooner | … after the launch |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, runs in found["routes"].items():
        server = f"{median(runs, 'server_bytes') / 1e6:,.0f}" if runs[0]["server_bytes"] else ""
        cells = [name, f"{sum(one['reached'] for one in runs)} of {len(runs)}"]
        cells += [f"{median(runs, 'steps'):.0f}", f"{median(runs, 'jobs'):.0f}", server]
        cells += [times(runs, "seconds"), times(runs, "after_launch") if runs[0]["launch"] else ""]
        routes.append(f"| {' | '.join(cells)} |")
    straggler = ["| way | steps of the fast machine | time after the launch |", "|---|--:|--:|"]
    for name, runs in found["slow machine"].items():
        time = as_long(runs, found["slow machine"]["parameter server, bound 0"])
        straggler.append(f"| {name} | {median(runs, 'steps'):.0f} | {time} |")
    sparse = [
        "| pushed of each change | target reached | steps | MB pushed | lowest loss above the target |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, runs in found["compression"].items():
        sparse.append(reached(name, runs, f"{median(runs, 'pushed_bytes') / 1e6:.1f}"))
    servers = [
        "| servers | MB through the busiest, for a step | time that a worker waits, for a step |",
        "|---|--:|--:|",
    ]
    alone, *_ = found["servers"].values()
    for name, runs in found["servers"].items():
        busiest = statistics.median(one["busiest_bytes"] / one["steps"] for one in runs)
        waited = statistics.median(
            one["waited"] / one["steps"] * other["steps"] / other["waited"]
            for one, other in zip(runs, alone, strict=True)
        )
        servers.append(f"| {name} | {busiest / 1e6:.2f} | {waited:.2f}× |")
    tables = {
        "routes": routes, "slow machine": straggler, "compression": sparse, "servers": servers, "rings": rings(),
    }  # fmt: skip
    for table, counter in (("too rare", "jobs"), ("too stale", "MB through the server")):
        tables[table] = [
            f"| way | target reached | steps | {counter} | lowest loss above the target |",
            "|---|--:|--:|--:|--:|",
        ]
        for name, runs in found[table].items():
            counted = (
                f"{median(runs, 'jobs'):.0f}"
                if counter == "jobs"
                else f"{median(runs, 'server_bytes') / 1e6:.0f}"
            )
            tables[table].append(reached(name, runs, counted))
    return tables


def main() -> None:
    """Measures, and writes the JSON, the tables and the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tables", nargs="+", default=[*ways()], help="the others stay as they are")
    arguments = parser.parse_args()
    before = json.loads(OUT.read_text())
    for found in run_all(arguments.runs, arguments.tables):
        written({**before, **found})


def written(found: Mapping[str, Mapping[str, list[dict[str, Any]]]]) -> None:
    """Writes what was found so far: the JSON, which has no curves, the tables and the picture."""
    bare = {
        table: {
            name: [{key: value for key, value in one.items() if key != "curve"} for one in runs]
            for name, runs in part.items()
        }
        for table, part in found.items()
    }
    OUT.write_text(json.dumps(bare, indent=1) + "\n")
    tables = {name: "\n".join(lines) for name, lines in pages(found).items()}
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), tables), encoding="utf-8")
    print(*(f"{name}\n{table}\n" for name, table in tables.items()), sep="\n", flush=True)
    if any("curve" in one for one in found["routes"][NAIVE]):
        curves = {name: runs[0]["curve"] for name, runs in found["routes"].items() if name != IN_STEP}
        target = found["routes"][NAIVE][0]["target"]
        picture = figures.curves(
            curves, "seconds from the call (log scale)", "held-out loss", target, log_x=True
        )
        PICTURE.write_bytes(figures.as_png(picture))


if __name__ == "__main__":
    main()
