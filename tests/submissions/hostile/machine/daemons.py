"""Processes leave their parents, ignore every signal that can be ignored, and write into the course again and again."""

OPENING = """
import os
import signal
import sys

LOOP = '''
import signal, time
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
ends = time.time() + 600
while time.time() < ends:
    try: open("@COURSE@/submitted/neighbour/daemon", "a").write("x")
    except OSError: pass
    time.sleep(0.2)  # @WORD@
'''
for _ in range(3):
    if not os.fork():
        os.setsid()
        if not os.fork():
            for number in range(3, 256):
                try:
                    os.close(number)
                except OSError:
                    pass
            os.execv(sys.executable, [sys.executable, "-S", "-c", LOOP])
        os._exit(0)
"""
