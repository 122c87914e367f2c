"""Lab 4's hints."""

from __future__ import annotations

HINTS = {
    "train_round": (
        "What does an executor need to make its *second* step without asking the driver? Does it have that?",
        """\
Write a function inside `train_round` that gets a `shard`, and give it to `shards.map(...)`. It starts from a
`copy()` of the table that was sent: without it, it would change the table that other tasks read.
`shard.batch(step)` gives the batch of a step, and `change` what should change. The mean of the copies *is* the
new table; do not add it to the old one. The next round begins where this one ended. A step is cheaper with
`batch.touched()`: the rows that a batch needs, and the same clicks for a small table of just these rows.""",
        """\
Each executor moves a point ten times towards the middle of its own numbers. Then the points are averaged.

```python
def moved(numbers):                      # runs on an executor
    point = sent.value.copy()
    for _ in range(10):
        point -= 0.1 * (point - numbers.mean(axis=0))
    return point

points = parts.map(moved)
middle = points.reduce(lambda one, two: one + two) / points.getNumPartitions()  # one point of each
```""",
    ),
    "worker": (
        """\
Which part of what the naive worker pulls does it use? For whom does it wait, and what would go wrong if it did
not?""",
        """\
`batch.touched()` gives two things: the numbers of the rows that a batch needs, and the same clicks for a small
table of just these rows. `pull` and `push` both take such rows. The change of the small table is computed like
that of the large one.""",
        """\
Clerks book orders into one warehouse. Each asks for the items of its order only, and waits for nobody.

```python
def clerk(warehouse, orders):
    for order in orders:
        items = sorted(set(order.items))
        there = warehouse.look_up(items)
        warehouse.book(order.taken_from(there), items)
```""",
    ),
    "all_reduce": (
        """\
In the naive way every worker adds up *all* numbers. Could each worker be the one that adds up a *part* of them? Who
needs what then, before the adding and after it?""",
        """\
Cut the numbers into `ring.size` pieces: `np.array_split` gives pieces that are views, so that what you write into them
stands in the whole. First round: each piece travels once round the ring, and every worker adds its own numbers to it
before it passes it on. In each step each worker sends *another* piece, so that all links work at once. After
`ring.size - 1` steps each worker has one piece that is finished: which one? Second round: the finished pieces travel
round, and nobody adds any more. Try it on paper with three workers.""",
        """\
The second round alone: each of some neighbours has a book, and all want to read all of them. Each passes on what it got
last.

```python
def read_all(own, ring):
    shelf = {ring.number: own}
    for turn in range(ring.size - 1):
        owner = (ring.number - turn) % ring.size
        ring.send(shelf[owner])
        shelf[(owner - 1) % ring.size] = ring.receive()
    return shelf
```""",
    ),
}
