"""The score of record: made by a process that never imports what a student wrote.

The student's functions run in a process of their own (:mod:`~sparklimits.grading.referee.candidate`), the naive way in
another one. This side makes the data, holds the clock, and checks what comes back.
"""
