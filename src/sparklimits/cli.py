"""The command ``sparklimits``. Each command imports what it needs when it runs: help is there at once."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sparklimits import __version__, labs
from sparklimits.errors import SparkLimitsError
from sparklimits.machine import streams, user

if TYPE_CHECKING:
    from sparklimits.measurement.lab import Lab


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns its exit code.

    No error is shown raw: each ends in one paragraph on standard error and code 1, an interrupt in code 130. The whole
    story of an error without a sentence of its own is kept in a log.
    """
    streams.settle()
    try:
        code = _command(arguments)
        sys.stdout.flush()  # here, where it is known what an error of it means
        return code
    except KeyboardInterrupt:
        streams.say("sparklimits: stopped")
        return 130
    except Exception as error:
        from sparklimits.machine import crash, messages

        refused = streams.refused() if isinstance(error, OSError) else None
        if refused is None:
            streams.say(f"sparklimits: {crash.told(error)}")
        elif not isinstance(refused, BrokenPipeError):  # what reads our output, such as `head`, has ended
            reason = refused.strerror or refused
            streams.say(f"sparklimits: {messages.tell('output_refused', reason=reason)}")
        return 1


def _command(arguments: list[str] | None) -> int:
    user.settle()
    parser = _parser()
    options, further = parser.parse_known_args(arguments)
    if options.command in (_lab, _teach):
        options.jupyter = further
    elif further:
        parser.error(f"unrecognized arguments: {' '.join(further)}")
    return int(options.command(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sparklimits", description="Labs on the limits of Spark MLlib.")
    parser.add_argument("--version", action="version", version=f"sparklimits {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    doctor = commands.add_parser("doctor", help="what this machine has, what is missing and how to get it")
    doctor.add_argument(
        "--try", dest="trial", action="store_true", help="start a cluster and work on it, a minute"
    )
    doctor.add_argument("--json", action="store_true", help="print one JSON object on standard output")
    doctor.add_argument(
        "--report", action="store_true", help="write a file to send to others, without your name or paths"
    )
    doctor.set_defaults(command=_doctor)

    lab = commands.add_parser(
        "lab",
        help="open JupyterLab on your copies of the labs (further options, such as --port 9000, go to it)",
    )
    # No argument stands for them: argparse would refuse a first one that starts with a dash.
    lab.set_defaults(command=_lab)

    teach = commands.add_parser(
        "teach", help="for instructors: JupyterLab on the solutions, with nbgrader's tools (options go to it)"
    )
    teach.set_defaults(command=_teach)

    run = commands.add_parser("run", help="measure a lab's naive way against a fix")
    run.add_argument("lab", help=", ".join(labs.ids()))
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

    _add_grade(commands)

    reset = commands.add_parser("reset", help="restore your copy of a lab; the old one is kept as a backup")
    reset.add_argument("lab", help=", ".join(labs.ids()))
    reset.set_defaults(command=_reset)

    demo = commands.add_parser("demo", help="measure every lab's reference: a table, JSON and pictures")
    demo.add_argument(
        "labs", nargs="*", metavar="LAB", help="these labs only; what is known of the others stays"
    )
    demo.add_argument("--quick", action="store_true", help="on less data and in fewer pairs: a first look")
    demo.set_defaults(command=_demo)

    _add_cluster(commands)

    lint = commands.add_parser("lint", help="for instructors: is a lab that you changed whole?")
    lint.add_argument("labs", nargs="*", metavar="LAB", help="default: every lab")
    lint.set_defaults(command=_lint)

    release = commands.add_parser("release", help="write the bundle for students, without answers")
    release.set_defaults(command=_release)
    return parser


def _add_grade(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    grade = commands.add_parser(
        "grade",
        help="for instructors: grade a class, DIR/STUDENT/LAB/LAB.ipynb; goes on where it was stopped",
    )
    grade.add_argument("folder", type=Path, metavar="DIR", help="nbgrader's submitted/, or a folder like it")
    grade.add_argument("--json", type=Path, metavar="OUT", help="write the marks to this file as JSON")
    where = grade.add_mutually_exclusive_group()
    at_a_time = "grade N at a time, each on cores of its own (default: 1)"
    where.add_argument("--slots", type=int, default=1, metavar="N", help=at_a_time)
    where.add_argument("--scheduler", metavar="ADDRESS", help="grade on the workers of this Dask scheduler")
    grade.set_defaults(command=_grade)


def _add_cluster(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = commands.add_parser("cluster", help="the Docker cluster: up, status, down")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    up = actions.add_parser("up", help="build the image, start the cluster, or change the one that runs")
    up.add_argument("--lab", choices=labs.ids(), metavar="LAB", help="as this lab wants it")
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


def _doctor(options: argparse.Namespace) -> int:
    from sparklimits.student.doctor import doctor

    return doctor(options.trial, options.json, options.report)


def _lab(options: argparse.Namespace) -> int:
    from sparklimits.student.jupyter import open_lab

    return open_lab(options.jupyter)


def _teach(options: argparse.Namespace) -> int:
    from sparklimits.student.jupyter import open_teach

    return open_teach(options.jupyter)


def _run(options: argparse.Namespace) -> int:
    from sparklimits.containers import errands
    from sparklimits.datasets import movielens
    from sparklimits.display.progress import Progress
    from sparklimits.grading.submission import load_solution, reference_path
    from sparklimits.machine.scale import scale_from_environment
    from sparklimits.measurement.experiment import Experiment
    from sparklimits.spark import session

    lab = labs.find(options.lab)
    solution = load_solution(options.solution or reference_path(lab), lab)
    for sentence in [*solution.said, *solution.absent.values()]:
        streams.say(f"sparklimits: {sentence}")
    if options.data and lab.from_movielens is None:
        named = ", ".join(one.id for one in labs.every() if one.from_movielens)
        raise SparkLimitsError(f"{lab.id} does not run on MovieLens ratings; --data is for {named}.")
    if errands.serve():
        return _run_in_containers(options, lab)
    real = movielens.load(options.data) if options.data else None
    scale = scale_from_environment()
    with Progress(lab.id) as progress:
        progress("starting Spark")
        try:
            spark = session.get(lab.constraints, lab.id)
            result = Experiment(lab, spark, scale=scale, real=real, progress=progress).measure(
                solution.functions, solution.absent
            )
        finally:
            session.stop()
    print(json.dumps(result.as_json()) if options.json else result)
    return 0


def _run_in_containers(options: argparse.Namespace, lab: Lab) -> int:
    """The same command in the lab's container, with the files that it names."""
    import tempfile

    import nbformat

    from sparklimits.grading.submission import recovered, reference_path

    solution = options.solution or reference_path(lab)
    with tempfile.TemporaryDirectory() as folder:
        if solution.suffix != ".py":  # there is no release in the container to compare with
            notebook, _ = recovered(solution, lab)
            solution = Path(folder) / f"{lab.id}.ipynb"
            nbformat.write(notebook, solution)
        return _hand_over(options, lab, solution)


def _hand_over(options: argparse.Namespace, lab: Lab, solution: Path) -> int:
    from sparklimits.containers import errands

    files = {f"solution{solution.suffix}": solution}
    command = ["sparklimits", "run", lab.id, "--solution", f"solution{solution.suffix}"]
    if options.data:
        files |= {f"data/{path.name}": path for path in sorted(options.data.iterdir()) if path.is_file()}
        command += ["--data", "data"]
    with errands.handed_over(files) as there:
        return errands.in_lab([*command, *(["--json"] if options.json else [])], there)


def _cluster_up(options: argparse.Namespace) -> int:
    from sparklimits.containers import cluster
    from sparklimits.spark.constraints import Machines

    machines = labs.find(options.lab).constraints.machines if options.lab else Machines()
    if options.workers is not None:
        machines = replace(machines, workers=cluster.checked_workers(options.workers))
    if options.bandwidth is not None:
        machines = replace(machines, mbit=cluster.checked_rates(options.bandwidth))
    if options.latency is not None:
        machines = replace(machines, latency_ms=cluster.checked_latency(options.latency))
    print("\n".join(cluster.up(machines, options.gpu)))
    return 0


def _cluster_status(options: argparse.Namespace) -> int:
    from sparklimits.containers import cluster
    from sparklimits.display.tables import as_text

    machines = cluster.status()
    if not machines:
        print("The Docker cluster is not up.")
        return 1
    rows = [("machine", "state", "cores", "memory", "link")]
    rows += [
        (one.name, one.state, f"{one.cpus:g}" if one.cpus else "all",
         f"{one.memory_mb:,} MB" if one.memory_mb else "all", one.link or "-")
        for one in machines
    ]  # fmt: skip
    print(as_text(rows))
    if all(one.state.startswith("running") for one in machines if one.role in ("lab", "master")):
        print("\n".join(cluster.addresses()))
    return 0


def _cluster_down(options: argparse.Namespace) -> int:
    from sparklimits.containers import cluster, image

    cluster.down()
    left = " ".join(name for name in map(image.name, (False, True)) if image.made_from(name) is not None)
    print(f"Nothing of the cluster is left but its image: `docker image rm {left}` removes that too.")
    return 0


def _check(options: argparse.Namespace) -> int:
    from sparklimits.display.progress import Progress
    from sparklimits.grading.check import check, told
    from sparklimits.grading.places import in_work
    from sparklimits.student import workspace

    notebooks, left_out = ([options.notebook], []) if options.notebook else in_work(workspace.prepare())
    for sentence in left_out:
        streams.say(f"sparklimits: {sentence}")
    failed = False
    for path in notebooks:
        try:
            with Progress(path.stem) as progress:
                marks, said = check(path, progress)
        except SparkLimitsError as error:
            streams.say(f"sparklimits: {error}")
            failed = True
            continue
        print(f"{path}")
        for sentence in said:
            print(f"  {sentence}")
        print(told(marks))
    return 1 if failed else 0


def _grade(options: argparse.Namespace) -> int:
    from sparklimits.grading.batch.command import grade

    return grade(options.folder, options.json, options.scheduler, options.slots)


def _reset(options: argparse.Namespace) -> int:
    from sparklimits.student import workspace

    backup = workspace.reset(options.lab)
    kept = f"the old one is {backup}" if backup else "there was none before"
    print(f"{workspace.work_folder() / options.lab} is as new; {kept}.")
    return 0


def _demo(options: argparse.Namespace) -> int:
    from sparklimits.demo import demo

    for lab_id in options.labs:
        labs.find(lab_id)  # a wrong name is an error before anything has run
    return demo(options.labs, quick=options.quick)


def _lint(options: argparse.Namespace) -> int:
    from sparklimits.grading.lint import lint

    found = [problem for lab_id in options.labs or labs.ids() for problem in lint(lab_id)]
    for problem in found:
        print(problem)
    print("Nothing to fix." if not found else f"{len(found)} to fix.")
    return 1 if found else 0


def _release(options: argparse.Namespace) -> int:
    from sparklimits.grading.release import write_bundle

    print(write_bundle())
    return 0
