"""Lab 0's hints."""

from __future__ import annotations

HINTS = {
    "fit_in_parallel": (
        """\
The picture of `slow_fit` has one long bar. How many lanes have nothing to do meanwhile? What decides how many
tasks a `fit` has?""",
        """\
Two cells of this notebook have what you need. `fit_with`, in part 3, deals the rows out before it trains. And
the text above names the number of slots: the context has it, and you reach the context from any
DataFrame: `.sparkSession`, then `.sparkContext`.""",
        """\
Here is another use of the number of slots: a table is written as files, four for each slot.

```python
def write_evenly(orders, folder):
    context = orders.sparkSession.sparkContext
    orders.coalesce(4 * context.defaultParallelism).write.parquet(folder)
```

`coalesce` can only merge partitions. Which call can make more of them?""",
    ),
    "ratio": (
        """\
One pair says 2 times as fast, another one half as fast. What should they give together? And what does the plain
mean of 2 and ½ say?""",
        """\
The five steps above are five lines. NumPy works on all pairs at once: `np.log`, `np.mean`, `np.std`, `np.sqrt`,
`np.exp`. By itself `np.std` divides by *n*; its argument `ddof` changes that. Why 0.975? Of 5 % that may be
missed, one half lies on each side.""",
        """\
The mean height of four people, with its 95 % interval. Heights are added, not multiplied, so there is no
logarithm here.

```python
heights = np.array([171.0, 168.5, 180.2, 175.1])
error = heights.std(ddof=1) / np.sqrt(len(heights))
reach = error * stats.t.ppf(0.975, df=len(heights) - 1)
print(heights.mean(), heights.mean() - reach, heights.mean() + reach)
```""",
    ),
    "bottleneck": (
        """\
Look at the rows of one cause in the table above. Which number stands out there, against the runs of *all* other
causes? Which numbers are large there too, and why?""",
        """\
Sort the table by one counter at a time: replace `.sort_values("cause")` with
`.sort_values("slot ratio")`. The runs of the cause should stand together at one end. Two counters grow with the
data, and say more as a ratio: the heaviest task over the median task, the input records over the rows. A `fit`
reads its table two to four times by itself; the recorded recomputation reads it twelve times.""",
        """\
The weather from three instruments. The order matters: a storm is grey as well.

```python
def weather(reading):
    if reading["wind"] > 5 * reading["usual_wind"]:
        return "storm"
    if reading["cloud_share"] > 0.8:
        return "grey"
    return "fair"
```""",
    ),
}
