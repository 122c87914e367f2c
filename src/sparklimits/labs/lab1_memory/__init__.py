"""Lab 1, memory: features that are computed again and again, and one task that holds more than fits.

The data are a shop's ratings in the order of time. One job compares three regularisations of a linear model on
features that look back over each user's and each item's last ratings; the other makes training examples for a
sequence model, each with the items that its user rated before, in the order of time.
"""

from __future__ import annotations

from sparklimits.datasets.ratings import write_parquet
from sparklimits.labs.lab1_memory import naive
from sparklimits.labs.lab1_memory.data import load, make_data
from sparklimits.labs.lab1_memory.hints import HINTS as HINTS
from sparklimits.labs.lab1_memory.oracle import check_errors, check_examples
from sparklimits.measurement.lab import Bar, Exercise, Lab, with_the_data
from sparklimits.spark.constraints import Constraints

LAB = Lab(
    id="lab1_memory",
    limitation="memory",
    fix="persist what is used again, partitions that fit",
    explains="input_records",
    gain=3.6,
    exercises=(
        Exercise(
            "compare_models",
            naive.compare_models,
            ("ratings",),
            # Computing the features again shuffles the table again. Reading them again does not, and where they
            # were kept is the student's choice: of a Parquet file every pass counts as rows read.
            Bar("shuffle_records", good=320_000, bad=1_100_000, grows=with_the_data),
            check_errors,
            needs="shuffle_records",  # in one partition nothing is shuffled, however often it is computed
            drive=naive.drive_models,
            on_cluster=0.08,
        ),
        Exercise(
            "training_examples",
            naive.training_examples,
            ("ratings",),
            Bar("memory_spilled_bytes", good=1e6, bad=5e7, grows=with_the_data),
            check_examples,
            timed=False,
            drive=naive.drive_examples,
            on_cluster=0.2,
        ),
    ),
    constraints=Constraints(
        executors=2,
        cores=1,
        memory_mb=naive.EXECUTOR_MB,
        settings={"spark.driver.maxResultSize": "64m", "spark.task.maxFailures": "2"},
        reasons={
            "spark.driver.maxResultSize": "64 MB instead of 1 GB, so that a large result is refused on little data",
            "spark.task.maxFailures": "2 instead of 4: the task that kills its executor is not tried so often",
        },
    ),
    make_data=make_data,
    write_data=write_parquet,
    load=load,
    variants=("main", "other"),
    shown=("input_records", "shuffle_records", "memory_spilled_bytes"),
)
