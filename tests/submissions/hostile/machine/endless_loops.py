"""Neither the notebook nor the functions come to an end, and interrupts are swallowed."""

#: Each of its cells takes as long as a cell may.
STOCK = "it takes as long as cells may"
OPENING = """
import time

ends = time.time() + 7200
while time.time() < ends:
    try:
        time.sleep(1)
    except BaseException:
        pass
"""
CELLS = {"fit_in_parallel": "def fit_in_parallel(visits):\n    while True:\n        pass\n"}
