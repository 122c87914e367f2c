"""The kernel prints, displays and shows faster than anybody can read: a hundred megabytes."""

OPENING = """
import os
import sys

from IPython.display import HTML, display

for number in range(500):
    print("x" * 100_000)
    sys.stderr.write("y" * 50_000)
    display(HTML("<p>" + "z" * 50_000))
os.write(1, b"w" * 10_000_000)
"""
