"""Lab 6, the capstone: one click-through pipeline that suffers from all five limits.

The data are six days of a shop that shows ads. Each *impression* is one ad that one user saw, and whether he clicked.
Visitors who have not logged in all share one number. Another model has learned a vector for each user and each ad.
"""

from __future__ import annotations

from sparklimits.labs.lab6_capstone import naive
from sparklimits.labs.lab6_capstone.data import SPECS, load, make_data, write_data
from sparklimits.labs.lab6_capstone.hints import HINTS as HINTS
from sparklimits.labs.lab6_capstone.oracle import check
from sparklimits.measurement.lab import Bar, Exercise, Lab, with_the_data
from sparklimits.spark.constraints import Constraints

_MAIN = SPECS["main"]


def rows(scale: float) -> float:
    """Rows of all tables for data of this scale, over those at scale 1: only the impressions follow the scale."""
    tables = _MAIN.users + _MAIN.ads
    return (_MAIN.impressions * scale + tables) / (_MAIN.impressions + tables)


LAB = Lab(
    id="lab6_capstone",
    limitation="all five",
    fix="evidence first, then the fixes of labs 1 to 5",
    explains="jobs",
    gain=9.0,
    exercises=(
        Exercise(
            "pipeline",
            naive.pipeline,
            ("impressions", "users", "ads"),
            Bar("jobs", good=10, bad=60),
            check,
            further={
                # 1.5 and 4 times the rows of all tables; 200 and 1,500 bytes for each impression.
                "records": Bar("input_records", good=99_000, bad=264_000, grows=rows),
                "bytes": Bar("shuffle_bytes", good=3.6e6, bad=2.7e7, grows=with_the_data),
            },
        ),
    ),
    constraints=Constraints(
        settings={
            "spark.sql.shuffle.partitions": "4",
            "spark.sql.adaptive.coalescePartitions.enabled": "false",
        },
        reasons={
            "spark.sql.shuffle.partitions": "4 instead of 200: few enough to see each one in a picture",
            "spark.sql.adaptive.coalescePartitions.enabled": (
                "off instead of on: it would merge the light partitions up to the size of the heavy one, which hides "
                "the skew on two slots and would not on two hundred"
            ),
        },
    ),
    make_data=make_data,
    write_data=write_data,
    load=load,
    variants=("main", "other"),
    shown=("jobs", "input_records", "shuffle_bytes", "straggler_ratio"),
    # On less, two networks that are trained alike differ by as much as the rule of quality allows.
    warm_up=0.8,
)
