"""Processes that start further ones until no more can be had, at most some hundreds, all busy."""

OPENING = """
import subprocess
import sys

MULTIPLY = '''
import os, sys, time
depth = 0
while depth < 8:  # two to the eighth
    try:
        os.fork()
    except OSError:
        break
    depth += 1
ends = time.time() + 20
while time.time() < ends: pass  # @WORD@
'''
subprocess.Popen([sys.executable, "-S", "-c", MULTIPLY], start_new_session=True)
"""
