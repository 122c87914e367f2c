"""What lab 6's pipeline must come to: the quality of an independent network on the same impressions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sparklimits.labs.checks import missing_columns
from sparklimits.labs.lab6_capstone.data import Days
from sparklimits.labs.lab6_capstone.naive import DAY, LAST
from sparklimits.labs.oracles import scores
from sparklimits.measurement.lab import Quality

#: How much worse than that of an independent network the AUC and the log loss (nats) may be: more than a
#: history in slices of three hours costs, and less than no history does.
TOLERANCE = 0.025


def check(found: pd.DataFrame, days: Days) -> Quality:
    """Compares AUC and log loss of the last day with those of an independent network on the same impressions."""
    name = "pipeline"
    if lacking := missing_columns(name, found, ("row", "probability")):
        return lacking
    wanted = days.impressions[days.impressions["ts"] >= LAST * DAY]
    found = found.sort_values("row", ignore_index=True)
    if not np.array_equal(found["row"].to_numpy(), wanted["row"].to_numpy()):
        reason = f"each of the {len(wanted):,} impressions of the last day must come once; {len(found):,} rows came"
        return Quality(broken=(f"{name}: {reason}",))
    probability = pd.to_numeric(found["probability"], errors="coerce").to_numpy(np.float64)
    if not ((probability >= 0) & (probability <= 1)).all():
        return Quality(broken=(f"{name}: a probability is not between 0 and 1",))
    loss, auc = scores(probability, wanted["clicked"].to_numpy(np.float64))
    target, target_auc = days.target
    values = {
        "auc": round(auc, 4), "target_auc": round(target_auc, 4),
        "log_loss": round(loss, 4), "target_log_loss": round(target, 4),
    }  # fmt: skip
    broken = []
    if not auc >= target_auc - TOLERANCE:
        broken.append(
            f"{name}: the AUC of the last day is {auc:.4f}; {target_auc:.4f} less {TOLERANCE} is allowed"
        )
    if not loss <= target + TOLERANCE:
        broken.append(
            f"{name}: the log loss of the last day is {loss:.4f}; {target:.4f} and {TOLERANCE} more is allowed"
        )
    return Quality(values, tuple(broken))
