"""Lab 5, model complexity: a network that MLlib trains slowly, and one that it cannot express, trained elsewhere.

Spark makes features of clicks. The naive way trains a network on them with MLlib, and asks a PyTorch network for its
opinion of one row at a time. The other way takes the features out of Spark, trains in PyTorch, and scores on the
cluster in batches.
"""

from __future__ import annotations

from sparklimits.labs.lab5_offload import naive
from sparklimits.labs.lab5_offload.data import make_data, write_data
from sparklimits.labs.lab5_offload.hints import HINTS as HINTS
from sparklimits.labs.lab5_offload.oracle import check_scored, check_trained
from sparklimits.measurement.lab import Bar, Exercise, Lab, with_the_data
from sparklimits.spark.constraints import Constraints

LAB = Lab(
    id="lab5_offload",
    limitation="model complexity",
    fix="train in PyTorch, score in batches",
    explains="jobs",
    gain=12.0,
    exercises=(
        Exercise(
            "train_model",
            naive.train_model,
            ("clicks",),
            Bar("jobs", good=5, bad=60),
            check_trained,
            drive=naive.drive_training,
            tried=False,
        ),
        Exercise(
            "score",
            naive.score,
            ("held_out", "trained"),
            Bar("forward_passes", good=400, bad=9_000, grows=with_the_data),
            check_scored,
            needs="forward_passes",
            timed=False,
            drive=naive.drive_scoring,
        ),
    ),
    constraints=Constraints(
        settings={"spark.driver.maxResultSize": "256m"},
        reasons={
            "spark.driver.maxResultSize": (
                "256 MB instead of 1 GB, so that a table too large to leave Spark at once is refused on little data; "
                "nothing that is timed comes near"
            ),
        },
    ),
    make_data=make_data,
    write_data=write_data,
    load=naive.load,
    variants=("main", "other"),
    shown=("jobs", "tasks"),
    warm_up=0.4,
)
