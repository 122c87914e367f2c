"""Lab 4, parameter synchronisation: a factorization machine on clicks, trained by two executors together.

Every way of training starts from the same table, uses the same batches, and ends when the same loss on held-out
clicks is reached.
"""

from __future__ import annotations

from sparklimits.labs.lab4_synchronisation import naive
from sparklimits.labs.lab4_synchronisation.data import (
    check_all_reduce,
    check_round,
    check_worker,
    load,
    make_data,
    write_data,
)
from sparklimits.labs.lab4_synchronisation.hints import HINTS as HINTS
from sparklimits.measurement.lab import Bar, Exercise, Lab
from sparklimits.spark.constraints import Constraints

LAB = Lab(
    id="lab4_synchronisation",
    limitation="parameter synchronisation",
    fix="local steps, sparse asynchronous pull and push",
    explains="jobs",
    gain=17.0,
    exercises=(
        Exercise(
            "train_round",
            naive.train_round,
            (),
            Bar("jobs", good=6, bad=40),
            check_round,
            drive=naive.in_rounds,
            tried=False,
            on_cluster=0.03,
        ),
        Exercise(
            "worker",
            naive.worker,
            (),
            Bar("server_bytes", good=90e6, bad=300e6),
            check_worker,
            timed=False,
            further={"waits": Bar("server_waits", good=1, bad=100)},
            drive=naive.with_server,
            tried=False,
        ),
        Exercise(
            "all_reduce",
            naive.all_reduce,
            (),
            Bar("ring_bytes", good=0.45e6, bad=1.1e6),
            check_all_reduce,
            needs="",
            timed=False,
            drive=naive.in_ring,
            tried=False,
        ),
    ),
    constraints=Constraints(),
    make_data=make_data,
    write_data=write_data,
    load=load,
    variants=("main", "other"),
    shown=("task_seconds",),
    warm_up=1.0,
)
