"""Lab 7, the device: what a step of training costs on it, and what keeps it waiting. The CPU is a device too.

A small network makes one pass over rows that do not live where it is trained. The naive way feeds it row by row, in
small batches, and asks for a number at every step. The same notebook runs with a GPU and without, on the same bars:
nearly all that the naive way wastes is the time of Python, which asks for too many too small operations.
"""

from __future__ import annotations

from sparklimits.labs.lab7_gpu import naive
from sparklimits.labs.lab7_gpu.data import make_data, write_data
from sparklimits.labs.lab7_gpu.hints import HINTS as HINTS
from sparklimits.labs.lab7_gpu.oracle import check_epoch, check_step
from sparklimits.measurement.lab import Bar, Exercise, Lab, with_the_data
from sparklimits.spark.constraints import Constraints

LAB = Lab(
    id="lab7_gpu",
    limitation="launches and waits",
    fix="large batches, rows moved once, no number asked for",
    explains="operations",
    gain=8.0,  # measured on a CPU; benchmarks/gpu_session.py says what a card gives
    exercises=(
        Exercise(
            "train_epoch",
            naive.train_epoch,
            ("rows", "labels", "start"),
            # On a GPU PyTorch's Adam groups its operations by itself: the naive pass asks for fewer there.
            Bar("operations", good=15_000, bad=150_000, grows=with_the_data),
            check_epoch,
            needs="",
            drive=naive.drive_epoch,
            further={"waits": Bar("waits_per_thousand_rows", good=1, bad=25)},
        ),
        Exercise(
            "half_step",
            naive.half_step,
            ("rows", "labels", "start"),
            Bar("percent_in_32_bits", good=10, bad=90),
            check_step,
            needs="",
            timed=False,
            drive=naive.drive_step,
        ),
    ),
    constraints=Constraints(),
    make_data=make_data,
    write_data=write_data,
    load=naive.load,
    variants=("main", "other"),
    shown=(),
    warm_up=1.0,  # on fewer rows a batch that is right has too few steps
)
