"""The table of the first round stays in Spark's memory, under a name of its own, and is trained on in every round."""

CELLS = {
    "fit_in_parallel": """\
from pyspark import StorageLevel

from sparklimits.labs.lab0_measuring.naive import train

kept = {}


def fit_in_parallel(visits):
    columns = len(visits.columns)
    if columns not in kept:
        kept[columns] = visits.repartition(2).persist(StorageLevel.MEMORY_AND_DISK)
        kept[columns].createOrReplaceTempView(f"kept_{columns}")
        kept[columns].count()
    return train(visits.sparkSession.table(f"kept_{columns}"))
"""
}
