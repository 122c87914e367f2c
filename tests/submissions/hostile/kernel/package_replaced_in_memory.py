"""Modules of the course are swapped for the attack's own: whatever imports them later gets these."""

OPENING = """
import sys
import types

judges = types.ModuleType("judges")
judges.judge_questions = lambda *_: 1.0
judges.judge_ratios = judges.judge_causes = lambda *_: {"wrong": types.SimpleNamespace(sum=lambda: 0)}
sys.modules["sparklimits.labs.lab0_measuring.judges"] = judges
bars = types.ModuleType("bars")
bars.counter_share = bars.share = bars.speed_share = lambda *_: 1.0
bars.points = points = lambda share, most: float(most)
sys.modules["sparklimits.measurement.bars"] = bars
"""
CELLS = {"questions": "jobs_of_the_fit = tasks_in_each_stage = None"}
