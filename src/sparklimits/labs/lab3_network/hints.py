"""Lab 3's hints."""

from __future__ import annotations

HINTS = {
    "cohort_tastes": (
        """\
The mean of one half of the rows is 3, that of the other half is 5. Is the mean of all rows 4? What would you
have to know besides?""",
        """\
A mean cannot be added to a mean; a pair *(count, sum)* can be added to another one. `reduceByKey` takes the
function that adds two values of the same key. The vectors are arrays of NumPy, and `+` adds them number by
number. What is left for the end is one division for each cohort, and the same table as the naive way's.
(`course/primer.md` has RDDs of pairs that you can run.)""",
        """\
The longest and the shortest word of each language: both can be found in parts, so one pair for each language
travels.

```python
pairs = words.rdd.map(lambda row: (row.language, (len(row.word), len(row.word))))
ends = pairs.reduceByKey(lambda one, two: (min(one[0], two[0]), max(one[1], two[1])))
spread = ends.mapValues(lambda both: both[1] - both[0]).collect()
```""",
    ),
    "cohort_scores": (
        "Which of the three tables would you rather not move? What would have to be where, so that it can stay?",
        """\
`pyspark.sql.functions` has `broadcast`: it marks a table that Spark shall send to every executor whole. Both
joins need it. With only one of them marked, the other join still moves the views: try it, and watch the bytes.""",
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
