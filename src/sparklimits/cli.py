"""The command ``sparklimits``."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from sparklimits import __version__
from sparklimits.cluster import Machines
from sparklimits.errors import SparkLimitsError
from sparklimits.labs import LABS, find
from sparklimits.labs.base import Lab


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns its exit code. Errors made for the reader end in one line and code 1."""
    parser = _parser()
    options, further = parser.parse_known_args(arguments)
    if options.command is _lab:
        options.jupyter = further
    elif further:
        parser.error(f"unrecognized arguments: {' '.join(further)}")
    try:
        return options.command(options)
    except SparkLimitsError as error:
        print(f"sparklimits: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("sparklimits: stopped", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sparklimits", description="Labs on the limits of Spark MLlib.")
    parser.add_argument("--version", action="version", version=f"sparklimits {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    doctor = commands.add_parser("doctor", help="what this machine has, what is missing and how to get it")
    doctor.set_defaults(command=_doctor)

    lab = commands.add_parser(
        "lab",
        help="open JupyterLab on your copies of the labs (further options, such as --port 9000, go to it)",
    )
    # No argument stands for them: argparse would refuse a first one that starts with a dash.
    lab.set_defaults(command=_lab)

    run = commands.add_parser("run", help="measure a lab's naive way against a fix")
    run.add_argument("lab", help=", ".join(LABS))
    run.add_argument(
        "--solution", type=Path, metavar="FILE", help="a notebook or .py file with the functions"
    )
    run.add_argument(
        "--data", type=Path, metavar="FOLDER", help="real MovieLens ratings instead of generated ones"
    )
    run.add_argument("--json", action="store_true", help="print one JSON object on standard output")
    run.set_defaults(command=_run)

    check = commands.add_parser("check", help="the score that an instructor would give your notebook")
    check.add_argument("notebook", type=Path, nargs="?", help="default: every lab in work/")
    check.set_defaults(command=_check)

    reset = commands.add_parser("reset", help="restore your copy of a lab; the old one is kept as a backup")
    reset.add_argument("lab", help=", ".join(LABS))
    reset.set_defaults(command=_reset)

    demo = commands.add_parser("demo", help="measure every lab's reference: a table, JSON and pictures")
    demo.add_argument(
        "labs", nargs="*", metavar="LAB", help="these labs only; what is known of the others stays"
    )
    demo.set_defaults(command=_demo)

    group = commands.add_parser("cluster", help="the Docker cluster: up, status, down")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    up = actions.add_parser("up", help="build the image, start the cluster, or change the one that runs")
    up.add_argument("--lab", choices=LABS, metavar="LAB", help="as this lab wants it")
    up.add_argument("--workers", type=int, metavar="N", help="so many workers")
    up.add_argument(
        "--bandwidth",
        metavar="RATE",
        help="of each worker's link, such as 100mbit; 100mbit,20mbit makes two racks",
    )
    up.add_argument("--latency", metavar="TIME", help="of each link, such as 5ms, where the kernel can")
    up.add_argument("--gpu", action="store_true", help="with an NVIDIA GPU for the lab and one worker more")
    up.set_defaults(command=_cluster_up)
    actions.add_parser("status", help="the machines, their limits and links").set_defaults(
        command=_cluster_status
    )
    actions.add_parser("down", help="remove the containers, their networks and data").set_defaults(
        command=_cluster_down
    )

    release = commands.add_parser("release", help="write the bundle for students, without answers")
    release.set_defaults(command=_release)
    return parser


def _doctor(options: argparse.Namespace) -> int:
    from sparklimits.doctor import doctor

    return doctor()


def _lab(options: argparse.Namespace) -> int:
    from sparklimits.jupyter import open_lab

    return open_lab(options.jupyter)


def _run(options: argparse.Namespace) -> int:
    from sparklimits import cluster
    from sparklimits.datasets import movielens
    from sparklimits.docker import errands
    from sparklimits.experiment import Experiment, scale_from_environment
    from sparklimits.grading.submission import load_functions, reference_path
    from sparklimits.progress import Progress

    lab = find(options.lab)
    functions = load_functions(options.solution or reference_path(lab), lab)
    if options.data and lab.from_movielens is None:
        named = ", ".join(one.id for one in LABS.values() if one.from_movielens)
        raise SparkLimitsError(f"{lab.id} does not run on MovieLens ratings; --data is for {named}.")
    if errands.serve():
        return _run_on_docker(options, lab)
    real = movielens.load(options.data) if options.data else None
    scale = scale_from_environment()
    progress = Progress(lab.id)
    progress("starting Spark")
    try:
        spark = cluster.session(lab.constraints, lab.id)
        result = Experiment(lab, spark, scale=scale, real=real, progress=progress).measure(functions)
    finally:
        cluster.stop()
    progress.done()
    print(json.dumps(result.as_json()) if options.json else result)
    return 0


def _run_on_docker(options: argparse.Namespace, lab: Lab) -> int:
    """The same command in the lab's container, with the files that it names."""
    from sparklimits.docker import errands
    from sparklimits.grading.submission import reference_path

    solution = options.solution or reference_path(lab)
    files = {f"solution{solution.suffix}": solution}
    command = ["sparklimits", "run", lab.id, "--solution", f"solution{solution.suffix}"]
    if options.data:
        files |= {f"data/{path.name}": path for path in sorted(options.data.iterdir()) if path.is_file()}
        command += ["--data", "data"]
    with errands.handed_over(files) as there:
        return errands.in_lab([*command, *(["--json"] if options.json else [])], there)


def _cluster_up(options: argparse.Namespace) -> int:
    from sparklimits.docker import containers

    machines = find(options.lab).constraints.machines if options.lab else Machines()
    if options.workers is not None:
        machines = replace(machines, workers=containers.checked_workers(options.workers))
    if options.bandwidth is not None:
        machines = replace(machines, mbit=containers.checked_rates(options.bandwidth))
    if options.latency is not None:
        machines = replace(machines, latency_ms=containers.checked_latency(options.latency))
    print("\n".join(containers.up(machines, options.gpu)))
    return 0


def _cluster_status(options: argparse.Namespace) -> int:
    from sparklimits.docker import containers

    machines = containers.status()
    if not machines:
        print("The Docker cluster is not up.")
        return 1
    rows = [("machine", "state", "cores", "memory", "link")]
    for one in machines:
        rows.append(
            (
                one.name,
                one.state,
                f"{one.cpus:g}" if one.cpus else "all",
                f"{one.memory_mb:,} MB" if one.memory_mb else "all",
                one.link or "-",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if all(one.state.startswith("running") for one in machines if one.role in ("lab", "master")):
        print("\n".join(containers.addresses()))
    return 0


def _cluster_down(options: argparse.Namespace) -> int:
    from sparklimits.docker import containers, image

    containers.down()
    left = " ".join(name for name in map(image.name, (False, True)) if image.made_from(name) is not None)
    print(f"Nothing of the cluster is left but its image: `docker image rm {left}` removes that too.")
    return 0


def _check(options: argparse.Namespace) -> int:
    from sparklimits import workspace
    from sparklimits.grading.check import check
    from sparklimits.progress import Progress

    notebooks = [options.notebook] if options.notebook else sorted(workspace.prepare().glob("*/lab*.ipynb"))
    failed = False
    for path in notebooks:
        progress = Progress(path.stem)
        try:
            marks = check(path, progress)
        except SparkLimitsError as error:
            print(f"sparklimits: {error}", file=sys.stderr)
            failed = True
            continue
        progress.done()
        print(f"{path}")
        for mark in marks:
            points = "a person grades this" if mark.points is None else f"{mark.points:g}"
            print(f"  {mark.cell:<24} {points:>5} of {mark.most:g}   {mark.text}")
        auto = [mark for mark in marks if mark.points is not None]
        print(
            f"  {'score':<24} {sum(mark.points or 0.0 for mark in auto):g} of {sum(mark.most for mark in auto):g}"
        )
    return 1 if failed else 0


def _reset(options: argparse.Namespace) -> int:
    from sparklimits import workspace

    backup = workspace.reset(options.lab)
    kept = f"the old one is {backup}" if backup else "there was none before"
    print(f"{workspace.work_folder() / options.lab} is as new; {kept}.")
    return 0


def _demo(options: argparse.Namespace) -> int:
    from sparklimits.demo import demo

    return demo([find(lab) for lab in options.labs])


def _release(options: argparse.Namespace) -> int:
    from sparklimits.grading.release import write_bundle

    print(write_bundle())
    return 0
