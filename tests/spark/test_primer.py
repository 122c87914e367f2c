"""The primer: each block runs after those before it, and prints what stands below it."""

from __future__ import annotations

import contextlib
import io
import re
from typing import TYPE_CHECKING, Any

from sparklimits.spark import session
from tests.submissions import ROOT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PRIMER = (ROOT / "course" / "primer.md").read_text("utf-8")


def test_each_block_prints_what_stands_below_it(spark: SparkSession) -> None:
    blocks = re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", PRIMER, re.DOTALL)
    assert len(blocks) == PRIMER.count("```python") > 10
    names: dict[str, Any] = {"spark": spark}
    with session.pristine(spark):
        spark.conf.set("spark.sql.shuffle.partitions", "1")  # seven rows: more tasks only cost time
        for block, expected in blocks:
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                exec(block, names)
            lines = [line.rstrip() for line in printed.getvalue().rstrip().splitlines()]
            assert lines == expected.splitlines(), block
