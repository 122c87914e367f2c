"""A table as several Parquet files: Spark reads one small file in one task."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray


def write_parts(table: pa.Table, folder: Path, files: int) -> Path:
    """Writes the rows, in order, as so many files of nearly equal size into the new folder, and returns it."""
    folder.mkdir(parents=True)
    bounds = np.linspace(0, table.num_rows, files + 1).astype(int).tolist()
    for number, (start, end) in enumerate(pairwise(bounds)):
        pq.write_table(table.slice(start, end - start), folder / f"part-{number:02d}.parquet")
    return folder


def vectors(name: str, matrix: NDArray[np.float32]) -> pa.Table:
    """A table with the number of each row of the matrix, ``NAME_id`` (int32), and the row, ``NAME_vector``."""
    flat: Any = pa.array(matrix.ravel())
    lists = pa.FixedSizeListArray.from_arrays(flat, matrix.shape[1]).cast(pa.list_(pa.float32()))
    return pa.table({f"{name}_id": np.arange(len(matrix), dtype=np.int32), f"{name}_vector": lists})
