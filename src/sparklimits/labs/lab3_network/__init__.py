"""Lab 3, network overhead: two jobs that send far more bytes than their answer needs, and one with large objects.

The data stand for one day of a shop. Its users fall into *cohorts* (a city and an age group, say). Some model has
learned a vector for each user and for each item: what they are like, in numbers.
"""

from __future__ import annotations

from sparklimits.labs.lab3_network import kryo, naive
from sparklimits.labs.lab3_network.data import load, make_data, write_data
from sparklimits.labs.lab3_network.hints import HINTS as HINTS
from sparklimits.labs.lab3_network.oracle import check_scores, check_similarities, check_tastes
from sparklimits.measurement.lab import Bar, Exercise, Lab, with_the_data
from sparklimits.spark.constraints import Constraints

LAB = Lab(
    id="lab3_network",
    limitation="network overhead",
    fix="combining before the shuffle, broadcast, Kryo",
    explains="shuffle_bytes",
    gain=3.0,
    exercises=(
        Exercise(
            "cohort_tastes",
            naive.cohort_tastes,
            ("purchases", "items"),
            Bar("shuffle_bytes", good=5e6, bad=1e8, grows=with_the_data),
            check_tastes,
            needs="input_records",  # partial sums that meet in the driver need no shuffle
            on_cluster=0.12,
            collects=1.8e7,  # the vectors of the items have 16.3 MB, where Python broadcasts them; the purchases 4.0
        ),
        Exercise(
            "cohort_scores",
            naive.cohort_scores,
            ("views", "users", "items"),
            Bar("shuffle_bytes", good=5e6, bad=3e8, grows=with_the_data),
            check_scores,
            needs="input_records",
            on_cluster=0.12,
            collects=4.2e7,  # 32 MB of them are the two tables of vectors, where Python broadcasts them
        ),
        # Java's own serializer takes 0.67 MB.
        Exercise(
            "kryo_settings",
            kryo.kryo_settings,
            (),
            Bar("object_bytes", good=4.0e5, bad=6.0e5),
            check_similarities,
            needs="object_bytes",
            timed=False,
            drive=kryo.drive_settings,
            tried=False,
        ),
    ),
    constraints=Constraints(),
    make_data=make_data,
    write_data=write_data,
    load=load,
    variants=("main", "other"),
    shown=("shuffle_bytes", "remote_bytes"),
)
