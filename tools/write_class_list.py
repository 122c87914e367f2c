"""Writes the names of the classes that sessions load, for the archive that set-up makes: when Spark's pin changes.

Runs each lab's naive way on little data, and has Java list what it loads in the driver and in the executors.
"""

from __future__ import annotations

import gzip
import os
import tempfile
from dataclasses import replace
from pathlib import Path

from sparklimits import labs
from sparklimits.measurement.bench import InSession
from sparklimits.measurement.lab import Lab
from sparklimits.measurement.measurement import Measurement
from sparklimits.spark import archive, session

TARGET = Path(__file__).resolve().parents[1] / "src" / "sparklimits" / "resources" / "classes.txt.gz"
SCALE = 0.05


def main() -> None:
    """Writes the list."""
    os.environ["SPARKLIMITS_SCALE"] = str(SCALE)
    names: dict[str, None] = {}
    for lab in labs.every():
        with tempfile.TemporaryDirectory() as folder:
            _run(lab, f"{folder}/%p")
            for file in sorted(Path(folder).iterdir()):
                names |= dict.fromkeys(file.read_text().splitlines())
        print(f"{lab.id}: {len(names):,} lines so far", flush=True)
    # The time of the archive's making is left out: the same list is the same file.
    TARGET.write_bytes(gzip.compress("\n".join(names).encode() + b"\n", mtime=0))


def _run(lab: Lab, file: str) -> None:
    option = f"-XX:-UsePerfData -XX:DumpLoadedClassList={file}"
    listing = {
        name: value
        for process in ("driver", "executor")
        for name, value in (
            (f"spark.{process}.extraJavaOptions", option),
            (f"spark.{process}.extraClassPath", archive.class_path()),
        )
    }
    constraints = replace(lab.constraints, settings={**lab.constraints.settings, **listing})
    spark = session.get(constraints, lab.id)
    Measurement(lab, InSession(lab, spark), scale=SCALE).run(lab.naive)
    session.stop()


if __name__ == "__main__":
    main()
