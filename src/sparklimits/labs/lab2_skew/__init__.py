"""Lab 2, data skew: two jobs on ratings in which one hot key holds up everybody.

The data stand for twenty days of a shop. One *item* is shown to every new user, so most users have rated it;
one *account* is shared by everybody who stands at the shop's terminal, so it has rated half the catalogue.
"""

from __future__ import annotations

from sparklimits.datasets.ratings import write_parquet
from sparklimits.labs.lab2_skew import naive
from sparklimits.labs.lab2_skew.data import from_movielens, load, make_data
from sparklimits.labs.lab2_skew.hints import HINTS as HINTS
from sparklimits.labs.lab2_skew.oracle import MAX_ERROR, check_pairs, check_trends
from sparklimits.measurement.lab import Bar, Exercise, Lab
from sparklimits.spark.constraints import Constraints

LAB = Lab(
    id="lab2_skew",
    limitation="data skew",
    fix="time slices, pruning, repartitioning",
    explains="straggler_ratio",
    gain=4.5,
    exercises=(
        Exercise(
            "item_trends",
            naive.item_trends,
            ("ratings",),
            Bar("straggler_ratio", good=1.5, bad=6.0),
            check_trends,
            timed=False,  # on two slots its fix costs more than its balance gains; its counter tells its worth
            needs="shuffle_records",
            collects=1.2e6,
            on_cluster=0.3,
        ),
        Exercise(
            "item_pairs",
            naive.item_pairs,
            ("ratings",),
            Bar("straggler_ratio", good=1.5, bad=8.0),
            check_pairs,
            needs="shuffle_records",
            collects=7.5e5,  # the pairs have 0.55 MB, users and items of all ratings 0.88
            on_cluster=0.12,
            # What is right within the tolerance passes; what is exact earns more.
            further={"exact": Bar("pair_error", good=0.001, bad=MAX_ERROR)},
        ),
    ),
    constraints=Constraints(
        settings={
            "spark.sql.shuffle.partitions": "16",
            "spark.sql.adaptive.coalescePartitions.enabled": "false",
        },
        reasons={
            "spark.sql.shuffle.partitions": "16 instead of 200: few enough to see each one in a picture",
            "spark.sql.adaptive.coalescePartitions.enabled": (
                "off instead of on: it would merge light partitions until each has an even share of the bytes for its "
                "slot, which hides the skew on two slots and would not on two hundred"
            ),
        },
    ),
    make_data=make_data,
    write_data=write_parquet,
    load=load,
    variants=("main", "other"),
    shown=("straggler_ratio", "memory_spilled_bytes"),
    from_movielens=from_movielens,
)
