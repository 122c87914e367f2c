"""What the checks of all labs say alike about a result: its columns, its numbers, and how far it is off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sparklimits.measurement.lab import Quality


def missing_columns(name: str, table: pd.DataFrame, wanted: Sequence[str]) -> Quality | None:
    """The quality of a result that lacks columns; nothing when all are there."""
    if missing := [column for column in wanted if column not in table.columns]:
        there = ", ".join(map(str, table.columns[:9]))
        return Quality(broken=(f"{name}: the result has no column {', '.join(missing)} (it has {there})",))
    return None


def numbers(name: str, table: pd.DataFrame, wanted: Sequence[str]) -> pd.DataFrame | Quality:
    """The wanted columns as numbers, missing values as NaN; or what is wrong with them."""
    if lacking := missing_columns(name, table, wanted):
        return lacking
    found = table[list(wanted)].apply(pd.to_numeric, errors="coerce")
    if strange := [column for column in wanted if (found[column].isna() & table[column].notna()).any()]:
        return Quality(broken=(f"{name}: column {strange[0]} holds something that is not a number",))
    return found


def largest(differences: object) -> float:
    """The largest absolute difference; what is not a number differs without limit."""
    apart = np.abs(np.asarray(differences, np.float64))
    return float(np.where(np.isnan(apart), np.inf, apart).max(initial=0.0))
