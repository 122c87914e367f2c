"""All checks of a lab at once, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from sparklimits.measurement.lab import Lab, Quality


def quality(lab: Lab, results: Mapping[str, pd.DataFrame], data: Any) -> Quality:
    """What the checks of the lab's exercises say of these results, by function."""
    checks = {one.name: one.check for one in lab.exercises}
    found = [checks[name](result, data) for name, result in results.items()]
    return Quality(
        {name: value for one in found for name, value in one.values.items()},
        tuple(reason for one in found for reason in one.broken),
    )
