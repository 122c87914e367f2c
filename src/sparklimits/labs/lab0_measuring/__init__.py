"""Lab 0, measuring: a fit that uses one of two executors, and how one knows.

The data are the visits of a shop, handed over as one gzip file: counts of what a visitor did, and the minutes that
the visit took. With them come the seconds of some measurements, made up from a seed, and the counters of some jobs
of the other labs, recorded by ``benchmarks/record_runs.py``.
"""

from __future__ import annotations

from types import SimpleNamespace

from sparklimits.labs.lab0_measuring import naive
from sparklimits.labs.lab0_measuring.data import load, make_data, write_data
from sparklimits.labs.lab0_measuring.hints import HINTS as HINTS
from sparklimits.labs.lab0_measuring.judges import drive_bottleneck, drive_ratio
from sparklimits.labs.lab0_measuring.oracle import check_answers, check_fit
from sparklimits.measurement.lab import Bar, Exercise, Facts, Lab
from sparklimits.spark.constraints import Constraints

FIT = Exercise(
    "fit_in_parallel",
    naive.fit_in_parallel,
    ("visits",),
    Bar("slot_ratio", good=1.15, bad=1.9),
    check_fit,
    on_cluster=0.3,
)

LAB = Lab(
    id="lab0_measuring",
    limitation="one partition",
    fix="as many partitions as slots",
    explains="slot_ratio",
    gain=1.2,
    speed_earns=False,
    exercises=(
        FIT,
        Exercise(
            "ratio",
            naive.ratio,
            ("measurements",),
            Bar("wrong_answers", good=1, bad=36),
            check_answers,
            needs="",
            timed=False,
            drive=drive_ratio,
            asks=True,
        ),
        Exercise(
            "bottleneck",
            naive.bottleneck,
            ("runs",),
            Bar("wrong_causes", good=1, bad=8),  # who always says "none" has 8 wrong
            check_answers,
            needs="",
            timed=False,
            drive=drive_bottleneck,
            asks=True,
        ),
    ),
    constraints=Constraints(
        settings={"spark.locality.wait": "0s"},
        reasons={
            "spark.locality.wait": (
                "0 instead of 3 s: a task would wait so long for the machine that holds its rows, while others are "
                "idle. That is little for tasks of minutes; here they take a second"
            )
        },
    ),
    make_data=make_data,
    write_data=write_data,
    load=load,
    variants=("main", "other"),
    shown=("slot_ratio",),
    warm_up=1.0,
    facts=Facts((FIT,), lambda counters, data: {"slow_fit": SimpleNamespace(counters=counters[FIT.name])}),
)
