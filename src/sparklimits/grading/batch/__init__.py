"""A whole class graded in one go: each submission in a process of its own, each outcome in a journal.

Nothing here imports what students wrote; :mod:`sparklimits.grading.batch.grader` is the process that has it run, in
sandboxes.
"""
