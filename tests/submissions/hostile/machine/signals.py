"""Every process that belongs to this course, the one that grades above all, is sent a signal that ends it."""

OPENING = """
import os
import signal
from pathlib import Path


def belongs(pid):
    try:
        folder = os.readlink(f"/proc/{pid}/cwd")
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return folder.startswith("@COURSE@") or b"@COURSE@" in command


for pid in [int(one) for one in os.listdir("/proc") if one.isdigit()]:
    if pid != os.getpid() and belongs(pid):
        try:
            os.kill(pid, signal.SIGKILL)
            print("killed", pid)
        except OSError as error:
            print(pid, error)
"""
