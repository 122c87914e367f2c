"""A chain of processes: ``tree.py NAME SECONDS [NAME SECONDS …]``; each starts the rest below it and works so long.

A line on its input starts one more process below it, which calls itself java and works 0.3 s.
"""

import subprocess
import sys
import time

name, seconds, *rest = sys.argv[1:]
if rest:
    below = subprocess.Popen([sys.executable, __file__, *rest], stdin=subprocess.PIPE)
while time.process_time() < float(seconds):
    pass
for _ in sys.stdin:
    late = subprocess.Popen([sys.executable, __file__, "java", "0.3"], stdin=subprocess.PIPE)
