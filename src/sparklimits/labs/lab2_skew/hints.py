"""Lab 2's hints."""

from __future__ import annotations

HINTS = {
    "item_trends": (
        """\
A rating looks back one hour. Which other ratings of its item must be in the same task, and which need not be?""",
        """\
`F.floor` of the time over a length gives the number of the slice. There should be many more slices than
partitions, or chance puts several large ones together: some hours are a good length. A rating in the last
`WINDOW` seconds of its slice belongs to two slices, its own and the next: `F.explode` makes two rows of an
array of two. Remember in a column which of the slices is the rating's own, and drop the copies after the
window. (`course/primer.md` has a window and an `explode` that you can run.)""",
        """\
Cars on a long road: how many others are within 50 m *ahead* of each? The road is cut into kilometres. A car at
the start of a kilometre is also seen from the one before.

```python
home = F.floor(cars.metre / 1000)
places = F.when(cars.metre % 1000 < 50, F.array(home, home - 1)).otherwise(F.array(home))
seen = cars.select("road", "metre", home.alias("home"), F.explode(places).alias("km"))
ahead = Window.partitionBy("road", "km").orderBy("metre").rangeBetween(1, 50)
near = seen.withColumn("near", F.count("metre").over(ahead)).where("km = home")
```""",
    ),
    "item_pairs": (
        """\
Two items can share 20 users only if each of them has at least how many ratings? And how many tasks hold the hot
basket when its pairs are made?""",
        """\
*Prune:* count the ratings of each item, keep the items with enough of them, and then the ratings of those
items. A join with `how="left_semi"` keeps the rows of the left table that have a partner; the list of items is
short, so `F.broadcast` fits around it (lab 3 says why). *Spread:* the naive way has two `explode`s. Make two
steps of them, and `repartition` between the two.""",
        """\
Which words stand in the same chapter? Only authors of at least five books count, and some chapters are very
long.

```python
busy = books.groupBy("author").count().where("count >= 5")
chosen = books.join(F.broadcast(busy), "author", "left_semi")
chapters = chosen.select("title", F.explode("chapters").alias("words")).repartition(8)
words = chapters.select("title", F.explode("words").alias("word"))
```""",
    ),
}
