"""Counters: what they say about hand-made tasks."""

import json

from sparklimits.spark.counters import Counters, merged
from tests.hand_made import task


def stage(*records, number=1):
    return [task(number, read=count) for count in records]


def test_the_straggler_ratio_is_heaviest_over_median():
    assert Counters(tasks=stage(10, 10, 10, 10, 200)).straggler_ratio() == 20.0
    assert Counters(tasks=stage(10, 10, 10, 10)).straggler_ratio() == 1.0


def test_all_work_in_one_task_is_no_balance():
    assert Counters(tasks=stage(500)).straggler_ratio() == 500.0
    assert Counters(tasks=stage(500, 500), slots=2).straggler_ratio() == 2.0
    assert Counters(tasks=stage(500, 500), slots=8).straggler_ratio() == 500.0


def test_without_a_shuffle_there_is_no_straggler():
    read_only = [task(input_records=1000, written=1000), task(input_records=5, written=5)]
    assert Counters(tasks=read_only).straggler() == []
    assert Counters(tasks=read_only).straggler_ratio() == 1.0
    assert Counters().straggler_ratio() == 1.0


def test_the_slot_ratio_is_the_largest_task_over_an_even_share():
    assert Counters(tasks=stage(100), slots=2).slot_ratio() == 2.0
    assert Counters(tasks=stage(100), slots=8).slot_ratio() == 8.0
    assert Counters(tasks=stage(50, 50), slots=2).slot_ratio() == 1.0
    assert Counters(tasks=stage(75, 25), slots=2).slot_ratio() == 1.5
    assert Counters(tasks=stage(*[10] * 16), slots=2).slot_ratio() == 1.0
    assert Counters().slot_ratio() == 1.0


def test_the_slot_ratio_is_that_of_the_stages_in_which_the_data_end():
    file = [task(1, input_records=1000, written=1000)]
    even, sums = stage(500, 500, number=2), stage(2, number=3)
    assert Counters(tasks=file).slot_ratio() == 2.0
    assert Counters(tasks=file + even + sums).slot_ratio() == 1.0
    assert Counters(tasks=file + even + stage(1000, number=3)).slot_ratio() == 2.0


def test_even_work_for_show_does_not_make_up_for_one_task_with_everything():
    deals, even = [task(2, input_records=1000, written=1000)], stage(500, 500, number=3)
    assert Counters(tasks=[task(1, input_records=1000), *deals, *even]).slot_ratio() == 2.0
    assert Counters(tasks=[*deals, *even, task(4, input_records=1000)]).slot_ratio() == 2.0
    assert Counters(tasks=[*deals, *even, task(4, input_records=1)]).slot_ratio() == 1.0


def test_the_stage_with_the_heaviest_task_counts():
    even, skewed = stage(100, 100, 100, 100, number=1), stage(1, 1, 1, 900, number=2)
    counters = Counters(tasks=even + skewed)
    assert counters.straggler() == skewed
    assert counters.straggler_ratio() == 900.0


def test_records_given_on_count_as_work():
    exploding = [task(read=10, written=10), task(read=10, written=990), *stage(20, 20, 20)]
    assert Counters(tasks=exploding).straggler_ratio() == 50.0


def test_stages_hold_their_tasks_in_order_of_time():
    first, second, later = task(1, start=0.0), task(1, start=1.0), task(3, start=0.5)
    stages = Counters(tasks=[later, second, first]).stages()
    assert list(stages.items()) == [(1, [first, second]), (3, [later])]


def test_the_summary_adds_up():
    tasks = [
        task(
            1,
            seconds=1.0,
            written=100,
            written_bytes=800,
            input_records=100,
            gc_seconds=0.25,
            result_bytes=12,
        ),
        *(task(2, seconds=0.5, read=10, remote_bytes=40, memory_spilled=7) for _ in range(3)),
        task(2, seconds=4.0, read=70, remote_bytes=60, memory_spilled=9, disk_spilled=3),
    ]
    assert Counters(jobs=2, tasks=tasks).summary() == {
        "jobs": 2,
        "tasks": 5,
        "input_records": 100,
        "shuffle_records": 100,
        "shuffle_bytes": 800,
        "remote_bytes": 180,
        "memory_spilled_bytes": 30,
        "disk_spilled_bytes": 3,
        "heaviest_task_records": 70,
        "median_task_records": 10,
        "straggler_ratio": 7.0,
        "slot_ratio": 1.4,
        "straggler_time_ratio": 8.0,
        "task_seconds": 6.5,
        "gc_seconds": 0.25,
        "result_bytes": 12,
    }


def test_the_summary_of_no_work_has_the_same_names_and_no_work():
    empty = Counters().summary()
    assert empty.keys() == Counters(tasks=stage(1, 2)).summary().keys()
    assert {name for name, value in empty.items() if value} == {"straggler_ratio", "slot_ratio"}


def test_counters_become_json():
    (plain,) = json.loads(json.dumps(Counters(tasks=stage(12)).as_json()))
    assert plain["read_records"] == 12
    assert plain["executor"] == "0"


def test_counts_of_ones_own_do_not_replace_sparks():
    forged = Counters(jobs=92, tasks=stage(1, 2), other={"jobs": 1, "shuffle_bytes": 0, "forward_passes": 7})
    assert forged.summary()["jobs"] == 92
    assert forged.summary()["forward_passes"] == 7


def test_the_counters_of_several_runs_together():
    one = Counters(jobs=2, tasks=stage(1, 2), slots=4, forgotten=1, other={"calls": 3})
    two = Counters(jobs=3, tasks=stage(5), slots=4)
    both = merged([one, two])
    assert (both.jobs, len(both.tasks), both.slots, both.forgotten) == (5, 3, 4, 1)
    assert both.summary()["calls"] == 3
