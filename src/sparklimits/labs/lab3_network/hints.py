"""Lab 3's hints."""

from __future__ import annotations

HINTS = {
    "cohort_tastes": (
        """\
The mean of one half of the rows is 3, that of the other half is 5. Is the mean of all rows 4? What would you
have to know besides?""",
        """\
A mean cannot be added to a mean; a *count* and a *sum* can be added to others. Spark must bring a whole group together
for `applyInPandas`. It can compute its own aggregates in parts, such as `count` and `avg`;
`pyspark.sql.functions` has some for vectors too, with `vector` in their names. Or take the parts yourself:
`mapInPandas` hands your function the rows of one task, and it may give one row for each cohort. And of both tables,
which one is short enough to go to every executor?
(`course/primer.md` has joins and groups that you can run.)""",
        """\
The longest and the shortest word of each language, by a function of your own. Each task gives one row for each
language that it met, and only these few rows are grouped.

```python
def ends(batches):
    rows = pd.concat(batches)
    yield rows.groupby("language")["length"].agg(["min", "max"]).reset_index()

parts = words.mapInPandas(ends, "language string, min long, max long")
parts.groupBy("language").agg(F.min("min"), F.max("max"))
```""",
    ),
    "cohort_scores": (
        "Which of the three tables would you rather not move? What would have to be where, so that it can stay?",
        """\
`pyspark.sql.functions` has `broadcast`: it marks a table that Spark should send whole to every executor.
Mark both tables. With only `users` marked, the second join still shuffles the views, and by then each carries 128
numbers: try it, and watch the bytes.""",
        """\
Orders of the whole world, and a short table of countries.

```python
by_continent = orders.join(F.broadcast(countries), "country_code").groupBy("continent").count()
```""",
    ),
    "kryo_settings": (
        """\
What does a serializer have to write, besides the numbers of an object, so that the reader knows what it is?""",
        """\
Spark's page *Configuration*, section *Compression and Serialization*, has all the names that begin with
`spark.kryo` and `spark.serializer`. Switch Kryo on, run the test and read the error: it names the class that is
missing. Add it, and go on until there is no error. One is the summary's buffer; two are small objects inside of
another class, and the dollar signs in their names belong to them. Two more settings save a little: the search
for objects that occur twice, and numbers in full length.""",
        """\
Another program shuffles the baskets of a shop. Its settings:

```python
names = ["com.shop.Basket", "com.shop.Basket$Line"]
conf = SparkConf().set("spark.serializer", "org.apache.spark.serializer.KryoSerializer")
conf = conf.set("spark.kryo.classesToRegister", ",".join(names)).set("spark.kryoserializer.buffer.max", "128m")
```""",
    ),
}
