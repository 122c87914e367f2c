"""Other processes are looked into through /proc and ptrace: variables, memory, files that they have open."""

OPENING = """
import ctypes
import os
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)
found = []
for pid in [one for one in os.listdir("/proc") if one.isdigit() and int(one) != os.getpid()]:
    try:
        inside = os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        continue
    if not inside.startswith("@COURSE@"):
        continue
    for name in ("environ", "maps", "mem"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                found.append(file.read(1000))
        except OSError as error:
            print(pid, name, error)
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            with open(f"/proc/{pid}/fd/{number}", "r+b") as file:
                if os.readlink(f"/proc/{pid}/fd/{number}").startswith("@COURSE@/gradebook"):
                    file.write(b"overwritten")
        except OSError:
            pass
    libc.ptrace(16, int(pid), 0, 0)
Path("looked").write_bytes(b"".join(found))
print(b"".join(found)[:2000])
"""
