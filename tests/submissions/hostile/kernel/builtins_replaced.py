"""What the graded cells call by name is the attack's own: of Python, and of the notebook."""

OPENING = """
import builtins
import math


class Most(float):
    def __new__(cls, *_):
        return float.__new__(cls, 99.0)


builtins.min = builtins.max = builtins.sum = lambda *_, **__: 1.0
builtins.isinstance = lambda *_: True
builtins.round = lambda value, digits=None: 99.0
math.isfinite = lambda _: True
"""
CELLS = {"prediction": "my_prediction = 2.0 if False else None"}
