"""Lab 0's reference when a task waits as long as Spark has it for the machine that holds its rows.

    python wait.py REFERENCE.ipynb

Prints the result as JSON, as ``sparklimits run --json`` does.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from sparklimits.grading.submission import load_functions
from sparklimits.labs import find
from sparklimits.measurement.experiment import Experiment
from sparklimits.spark import session

#: Spark's default; the lab has 0.
WAIT = {"spark.locality.wait": "3s"}


def main() -> None:
    """Measures the functions of the notebook that is named."""
    lab = find("lab0_measuring")
    constraints = dataclasses.replace(lab.constraints, settings={**lab.constraints.settings, **WAIT})
    lab = dataclasses.replace(lab, constraints=constraints)
    try:
        experiment = Experiment(lab, session.get(constraints))
        print(json.dumps(experiment.measure(load_functions(Path(sys.argv[1]), lab)).as_json()))
    finally:
        session.stop()


if __name__ == "__main__":
    main()
