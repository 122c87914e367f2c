"""Whole submissions, made from the release and the reference: what students hand in."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
LAB = "lab2_skew"

#: Prints to standard error in every way that a student's cell may, and does nothing wrong.
NOISE = """\
import os
import sys
import warnings

warnings.warn("an old habit")
print("something to standard error", file=sys.stderr)
os.write(2, b"and past Python\\n")
"""


#: One of the two jobs fixed, and only half: the work is spread, no basket is sampled.
SPREAD_ONLY = """\
from pyspark.sql import functions as F

from sparklimits.labs.lab2_skew import SUPPORT


def item_pairs(ratings):
    baskets = ratings.groupBy("user_id").agg(F.collect_list("item_id").alias("items"))
    first = baskets.select(F.explode("items").alias("item_a"), "items").repartition(16)
    pairs = first.select("item_a", F.explode("items").alias("item_b")).where("item_a < item_b")
    return pairs.groupBy("item_a", "item_b").agg(F.count("*").alias("users")).where(F.col("users") >= SUPPORT)
"""


def released() -> NotebookNode:
    """The notebook as a student gets it."""
    return nbformat.read(ROOT / "labs" / LAB / f"{LAB}.ipynb", as_version=4)


def with_answers(*names: str, before: str = "") -> NotebookNode:
    """The release with the reference's answer in the named cells; ``before`` is put in front of each."""
    reference = nbformat.read(ROOT / "solutions" / LAB / f"{LAB}.ipynb", as_version=4)
    answers = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source for cell in reference.cells}
    notebook = released()
    for cell in notebook.cells:
        if (name := cell.metadata.get("nbgrader", {}).get("grade_id")) in names:
            cell.source = (before + "\n" if before and cell.cell_type == "code" else "") + answers[name]
    return notebook


def with_cells(**sources: str) -> NotebookNode:
    """The release with these sources in the cells of these names."""
    notebook = released()
    for cell in notebook.cells:
        if (name := cell.metadata.get("nbgrader", {}).get("grade_id")) in sources:
            cell.source = sources[name]
    return notebook


def four() -> dict[str, NotebookNode]:
    """The four submissions of the grading tests, by name of the student."""
    everything = ("prediction", "item_trends", "item_pairs", "explain")
    return {
        "reference": with_answers(*everything),
        "untouched": released(),
        "half": with_cells(prediction="my_prediction = 2", item_pairs=SPREAD_ONLY),
        "noisy": with_answers(*everything, before=NOISE),
    }
