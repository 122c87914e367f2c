"""Lab 6's hints."""

from __future__ import annotations

HINTS = {
    "pipeline": (
        """\
Which number of the table in part 3 is furthest from what it could be? Which lab had the same number, and what
made it small there?""",
        """\
- *Recomputation:* ten numbers for each impression are a small table, and may leave Spark once (lab 5). On more
  data they would go through Parquet files.
- *Network:* `features` joins whatever you give it, also tables that are marked for a broadcast (lab 3).
- *Skew:* give the history a second key, made of the time (lab 2), and name both in `keys`. Only user 0 needs
  it. Slices for *all* users would cut the history of those who come seldom, and the AUC falls.
- *Synchronisation and complexity:* the training of lab 5. The columns want standardising by the first five
  days; one hidden layer as wide as MLlib's, Adam with a rate of 0.01, batches of some hundred rows and a
  dozen passes are enough. One thread: with small batches, more threads only wait for each other.""",
        """\
Trains, and whether they are late. Line S1 has half of all trains; the weather comes in a small table of its
own.

```python
part = F.when(F.col("line") == "S1", F.floor(F.col("minute") / 720)).otherwise(F.lit(0))
late = delays(trains.withColumn("part", part), F.broadcast(weather), keys=("line", "part")).toPandas()
past = late["day"] < 20
scaled = (late["rain"] - late.loc[past, "rain"].mean()) / late.loc[past, "rain"].std()
```

The network for the ten features of *your* table is lab 5's; this table has only one.""",
    ),
}
