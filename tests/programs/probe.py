"""Opens lab 2, watches one job, and prints in one line of JSON what came of it."""

from __future__ import annotations

import json

from sparklimits.errors import SparkLimitsError
from sparklimits.notebook import open_lab
from sparklimits.spark import session


def items(table):  # type: ignore[no-untyped-def]
    """Ratings of each item."""
    return table.groupBy("item_id").count()


def main() -> None:
    """Prints rows, jobs and executors, and settings that others might have changed; or the message for the reader."""
    try:
        lab = open_lab("lab2_skew")
        seen = lab.watch(items, lab.data["ratings"])
        found: dict[str, object] = {
            "rows": len(seen.result),
            "tasks": len(seen.counters.tasks),
            "executors": seen.executors,
            "adaptive": lab.spark.conf.get("spark.sql.adaptive.enabled"),
            "home": lab.spark._jvm.System.getProperty("user.home"),
            "temporary": lab.spark._jvm.System.getProperty("java.io.tmpdir"),
        }
    except SparkLimitsError as error:
        found = {"message": str(error)}
    finally:
        session.stop()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
