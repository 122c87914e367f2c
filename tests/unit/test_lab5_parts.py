"""Lab 5's parts of Parquet files: every row belongs to one trainer, and none of them holds more than it reads."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests import needs

needs.torch(whole_module=True)

from sparklimits.labs.lab5_offload.distributed import Part  # noqa: E402

WIDTH = 50


def written(folder: Path, sizes: tuple[int, ...], group: int) -> Path:
    """Files of so many rows; the features of a row are its number among all of them, its label is 1 for an odd one."""
    folder.mkdir()
    first = 0
    for place, size in enumerate(sizes):
        numbers = np.arange(first, first + size, dtype=np.float32)
        ends = np.arange(0, WIDTH * size + 1, WIDTH, dtype=np.int32)
        columns = {
            "label": pa.array((numbers % 2).astype(np.int8)),
            "features": pa.ListArray.from_arrays(ends, np.repeat(numbers, WIDTH)),
        }
        pq.write_table(pa.table(columns), folder / f"part-{place:05d}.parquet", row_group_size=group)
        first += size
    return folder


def numbers_in(part: Part) -> list[int]:
    found = []
    for inputs, labels in part:
        assert inputs.shape[1] == WIDTH
        assert len(inputs) == len(labels) <= part.read
        np.testing.assert_array_equal(labels.numpy(), inputs[:, 0].numpy() % 2)
        found += [int(number) for number in inputs[:, 0]]
    return found


@pytest.mark.parametrize(
    ("sizes", "group", "trainers"),
    [((900, 901, 899, 900), 1_000, 2), ((5_000,), 700, 3), ((10, 0, 2_500), 1_000, 2), ((40,), 1_000, 2)],
    ids=["files", "row groups of one file", "an empty file", "fewer parts than trainers"],
)
def test_each_row_is_read_by_one_trainer_in_every_pass(
    tmp_path: Path, sizes: tuple[int, ...], group: int, trainers: int
) -> None:
    folder = written(tmp_path / "table", sizes, group)
    parts = [Part(folder, "features", number, trainers, read=300) for number in range(trainers)]
    for again in (1, 2):
        found = [numbers_in(part) for part in parts]
        assert sorted(itertools.chain(*found)) == list(range(sum(sizes)))
        assert [part.taken for part in parts] == [again * len(rows) for rows in found]


def test_passes_are_in_different_orders(tmp_path: Path) -> None:
    part = Part(written(tmp_path / "table", (200,) * 20, 200), "features", 0, 1)
    assert numbers_in(part) != numbers_in(part)


@pytest.fixture
def pool() -> Iterator[pa.MemoryPool]:
    """What Arrow takes from now on, counted by its own allocator."""
    usual, counted = pa.default_memory_pool(), pa.proxy_memory_pool(pa.system_memory_pool())
    pa.set_memory_pool(counted)
    yield counted
    pa.set_memory_pool(usual)


def test_a_trainer_holds_a_small_part_of_a_large_row_group(tmp_path: Path, pool: pa.MemoryPool) -> None:
    """Beside the rows that it reads, Arrow holds a page of the file: 1 MB, packed and unpacked."""
    folder = written(tmp_path / "table", (100_000,), 100_000)
    before = pool.max_memory()
    assert before > 100_000 * WIDTH * 4  # it counts: the table was made here
    taken = pool.bytes_allocated()
    held = []
    for _ in Part(folder, "features", 0, 1, read=1_000):
        held.append(pool.bytes_allocated() - taken)
    assert len(held) == 100
    assert max(held) < 10_000 * WIDTH * 4
