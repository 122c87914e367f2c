"""Tasks, counters and results made by hand, for tests that need no Spark."""

from sparklimits.measurement.pairs import BASELINE, CANDIDATE
from sparklimits.measurement.result import Arm, ExerciseResult, Result
from sparklimits.spark.counters import Counters, Task


def task(stage=1, executor="0", start=0.0, seconds=0.5, read=0, written=0, **others):
    """One task that read and wrote this many records of a shuffle."""
    values = {
        "input_records": 0, "read_bytes": 0, "remote_bytes": 0, "written_bytes": 0, "memory_spilled": 0,
        "disk_spilled": 0, "gc_seconds": 0.0, "result_bytes": 0, **others,
    }  # fmt: skip
    return Task(
        stage=stage, executor=executor, start=start, seconds=seconds, read_records=read, written_records=written,
        **values,
    )  # fmt: skip


def job(records, stage=1, rate=20_000.0, executors=2):
    """A job as two executors run it: a stage that reads a file, then one with these records by task."""
    free = [0.0] * executors
    tasks = []

    def run(stage, seconds, **values):
        lane = free.index(min(free))
        tasks.append(task(stage, str(lane), free[lane], seconds, **values))
        free[lane] += seconds

    for _ in range(4):
        run(stage, 0.3, input_records=sum(records) // 4, written=sum(records) // 4, written_bytes=10_000)
    free[:] = [max(free)] * executors
    for count in records:
        run(stage + 1, 0.05 + count / rate, read=count, read_bytes=8 * count, memory_spilled=50 * count)
    return Counters(jobs=1, tasks=tasks)


SKEWED = [1200] * 7 + [36_000] + [1100] * 8
EVEN = [2600, 2500, 2700, 2400] * 4
#: Pairs grow with the square of a user's ratings, so that the skew is larger still.
SKEWED_PAIRS = [2000] * 3 + [140_000] + [1800] * 12
EVEN_PAIRS = [5200, 5000, 4700, 5100] * 4


def counters():
    """The counters of both functions, for both ways."""
    return {
        BASELINE: {"item_trends": job(SKEWED), "item_pairs": job(SKEWED_PAIRS)},
        CANDIDATE: {"item_trends": job(EVEN), "item_pairs": job(EVEN_PAIRS)},
    }


def result(**changes):
    """A measurement of five pairs that passed; ``changes`` replace its fields."""
    by_function = counters()
    arms = {
        arm: Arm(
            summary=Counters(tasks=[one for part in parts.values() for one in part.tasks]).summary(),
            functions={name: part.summary() for name, part in parts.items()},
            counters=parts,
        )
        for arm, parts in by_function.items()
    }
    exercises = {
        name: ExerciseResult("straggler_ratio", 5.0, 1.6, 30.0, 1.1) for name in ("item_trends", "item_pairs")
    }
    fields = {
        "lab": "lab2_skew", "backend": "embedded", "scale": 1.0, "verdict": "passed", "full_marks_at": 1.93,
        "speedup": 3.1, "low": 2.6, "high": 3.7, "shares": {"speed": 1.0, "item_trends": 1.0, "item_pairs": 0.75},
        "seconds": {BASELINE: [10.1, 9.7, 11.9, 10.0, 9.9], CANDIDATE: [3.2, 3.1, 3.9, 3.3, 3.0]},
        "exercises": exercises, "quality": {"trend_items_wrong": 0.0, "pair_error": 0.0213}, "arms": arms,
    }  # fmt: skip
    return Result(**{**fields, **changes})
