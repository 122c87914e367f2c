"""Lab 4, half fixed, wrong, and trained in the driver."""

#: One of the three functions fixed, and only half: four steps between two synchronisations.
HALF = {
    "prediction": "my_prediction = 10",
    "train_round": """\
from operator import add


def train_round(shards, table, start, period=4):
    sent = shards.context.broadcast(table)

    def local_steps(shard):
        mine = sent.value.copy()
        for step in range(start, start + period):
            mine += shard.batch(step).change(mine)
        return mine

    total = shards.map(local_steps).reduce(add)
    sent.destroy()
    return total / shards.getNumPartitions(), start + period
""",
}

#: Fast and wrong: one synchronisation when both workers have learned their own clicks by heart; changes that are
#: computed from a table that is eight pushes old; a ring that passes each number on only once.
WRONG = {
    "prediction": "my_prediction = 10",
    "train_round": HALF["train_round"].replace("period=4", "period=1000"),
    "worker": """\
def worker(server, batches):
    for number, batch in enumerate(batches):
        rows, small = batch.touched()
        if number % 8 == 0:
            table = server.pull()
        server.push(small.change(table[rows]), rows)
""",
    "all_reduce": """\
def all_reduce(mine, ring):
    ring.send(mine)
    return mine + ring.receive()
""",
}

#: Right, and trained in the driver, with the shards' clicks brought there.
IN_THE_DRIVER = {
    "prediction": "my_prediction = 10",
    "train_round": """\
KEPT = {}


def train_round(shards, table, start):
    if id(shards) not in KEPT:
        KEPT[id(shards)] = shards.collect()
    own = KEPT[id(shards)]
    for step in range(start, start + 40):
        changes = [shard.batch(step).change(table) for shard in own]
        table = table + sum(changes[1:], changes[0]) / len(changes)
    return table, start + 40
""",
}
