"""Stands in the place of the grading process: does what the notebook's metadata say, and notes each call.

``SPARKLIMITS_CALLS`` names a file that gets a line for each call, before anything else happens. ``does`` has an entry
for each call of this notebook, the last one for all further ones: ``{"score": 3}``, ``{"exit": 9}``, ``{"sleep": 60}``.
"""

import json
import os
import sys
import time
from pathlib import Path

from sparklimits.grading.batch import start

start.hold()
path, lab, content, conditions, folder = sys.argv[1:6]
calls = Path(os.environ["SPARKLIMITS_CALLS"])
with calls.open("a", errors="surrogateescape") as file:
    file.write(f"{path} {os.getpid()} {sorted(os.sched_getaffinity(0))} {sys.argv[6:]}\n")
before = (
    sum(line.startswith(f"{path} ") for line in calls.read_text(errors="surrogateescape").splitlines()) - 1
)
notebook = json.loads(Path(path).read_text())
does = notebook["metadata"]["does"]
this = {"score": 1.0} | does[min(before, len(does) - 1)]
time.sleep(this.get("sleep", 0))
if "exit" in this:
    print("out of memory")
    sys.exit(this["exit"])
outcome = {"kind": "graded", "marks": {"speed_points": this["score"], "explain": None},
           "most": {"speed_points": 8.0, "explain": 3.0}, "verdict": "passed", "speedup": 3.0, "seconds": 0.01,
           "machine": "a machine", "reasons": ["as the notebook says"]}  # fmt: skip
outcome.update(this.get("outcome", {}))
for cell in notebook["cells"]:
    if cell["cell_type"] == "code" and cell["metadata"].get("nbgrader", {}).get("grade"):
        points = {
            "text/plain": str(
                float(cell["metadata"]["nbgrader"]["grade_id"] == "speed_points") * this["score"]
            )
        }
        cell["outputs"] = [
            {"output_type": "execute_result", "data": points, "execution_count": 1, "metadata": {}}
        ]
(Path(folder) / "graded.ipynb").write_text(json.dumps(notebook))
(Path(folder) / "outcome.json").write_text(json.dumps(outcome))
