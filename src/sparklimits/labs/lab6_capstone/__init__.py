"""Lab 6, the capstone: one click-through pipeline that suffers from all five limits.

The data are six days of a shop that shows ads. Each *impression* is one ad that one user saw, and whether he clicked.
Visitors who have not logged in all share one number. Another model has learned a vector for each user and each ad.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from sparklimits.labs.lab6_capstone import naive
from sparklimits.labs.lab6_capstone.data import LEAST, SPECS, Days, load, make_data, write_data
from sparklimits.labs.lab6_capstone.hints import HINTS as HINTS
from sparklimits.labs.lab6_capstone.oracle import check
from sparklimits.measurement.lab import Bar, Exercise, Facts, Lab, Quality
from sparklimits.spark.constraints import Constraints
from sparklimits.spark.counters import Counters

_MAIN = SPECS["main"]


def rows(scale: float) -> float:
    """Rows of all tables for data of this scale, over those at scale 1: only the impressions follow the scale."""
    tables = _MAIN.users + _MAIN.ads
    return (_MAIN.impressions * impressions(scale) + tables) / (_MAIN.impressions + tables)


def impressions(scale: float) -> float:
    """Impressions for data of this scale, over those at scale 1."""
    return max(LEAST, scale)


PIPELINE = Exercise(
    "pipeline",
    naive.pipeline,
    ("impressions", "users", "ads"),
    Bar("jobs", good=10, bad=60),
    check,
    needs="shuffle_records",
    collects=6e6,  # the features as float32 have 1.2 MB, the tables that they are made of 26
    tried=False,  # few rows are not to be had
    further={
        # 1.5 and 4 times the rows of all tables; 200 and 1,500 bytes for each impression.
        "records": Bar("input_records", good=99_000, bad=264_000, grows=rows),
        "bytes": Bar("shuffle_bytes", good=3.6e6, bad=2.7e7, grows=impressions),
    },
)
#: A part of the pipeline that the notebook looks at by itself; nobody is graded for it.
FEATURES = Exercise(
    "features", naive.features, PIPELINE.inputs, Bar("jobs", good=1, bad=2), lambda found, data: Quality()
)


def facts(counters: Mapping[str, Counters], data: Days) -> dict[str, Any]:
    """What the notebook's question about evidence looks at."""
    return {
        "whole": counters[PIPELINE.name].summary(),
        "part": counters[FEATURES.name].summary(),
        "impressions": SimpleNamespace(count=lambda: len(data.impressions)),
    }


LAB = Lab(
    id="lab6_capstone",
    limitation="all five",
    fix="evidence first, then the fixes of labs 1 to 5",
    explains="jobs",
    gain=9.0,
    exercises=(PIPELINE,),
    constraints=Constraints(
        settings={
            "spark.sql.shuffle.partitions": "4",
            "spark.sql.adaptive.coalescePartitions.enabled": "false",
        },
        reasons={
            "spark.sql.shuffle.partitions": "4 instead of 200: few enough to see each one in a picture",
            "spark.sql.adaptive.coalescePartitions.enabled": (
                "off instead of on: it would merge light partitions until each has an even share of the bytes for its "
                "slot, which hides the skew on two slots and would not on two hundred"
            ),
        },
    ),
    make_data=make_data,
    write_data=write_data,
    load=load,
    variants=("main", "other"),
    shown=("jobs", "input_records", "shuffle_bytes", "straggler_ratio"),
    warm_up=LEAST,
    facts=Facts((PIPELINE, FEATURES), facts),
)
