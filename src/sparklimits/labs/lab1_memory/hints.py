"""Lab 1's hints."""

from __future__ import annotations

HINTS = {
    "compare_models": (
        """\
`train` and `test` come from `table`: how often does the loop use it? What runs each time, since a DataFrame is a
plan?""",
        """\
`train` and `test` are both cut out of one table. Keep *that* table, just before they are cut, and keep only
what the models need: `features`, `rating` and `ts`. A kept table also keeps its partitions. Spark plans 200 of
them here, and each costs a task in every step: `coalesce` merges them. The cell that compares the levels, in
part 3, has all the calls.""",
        """\
Another table that is used twice: the visits of a site, counted for two of its sections.

```python
pages = visits.join(catalogue, "page").select("page", "section")
pages = pages.coalesce(8).persist(StorageLevel.DISK_ONLY)
for section in ("news", "sport"):
    print(section, pages.where(pages.section == section).count())
pages.unpersist()
```""",
    ),
    "training_examples": (
        """\
How many bytes has a row after the window, and how many before it? How many rows of that size fit into half of
the memory for data?""",
        """\
The arithmetic: 55,000 rows of some 2.5 kB are about 140 MB. Half of the memory for data is about 60 MB, so at
least three partitions are needed, and a few more for uneven users. `ratings.count()` lets the number grow with
the data. The window wants all rows of a user together. When they already are, Spark does not move them again:
see `repartition(number, column)`. The order at the end stays as it is.""",
        """\
Sensors write one reading a minute. Each reading gets the mean of the hour before it; 20,000 rows fit into a
partition.

```python
parts = 1 + readings.count() // 20_000
hour = Window.partitionBy("sensor").orderBy("minute").rowsBetween(-60, -1)
wide = readings.repartition(parts, "sensor").withColumn("mean", F.avg("degrees").over(hour))
wide.sortWithinPartitions("sensor", "minute").write.parquet(folder)
```""",
    ),
}
