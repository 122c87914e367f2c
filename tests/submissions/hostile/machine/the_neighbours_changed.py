"""The files of all other students are found, and their answers deleted."""

OPENING = """
import json
from pathlib import Path

for place in (Path("@COURSE@"), *Path.cwd().parents[:3]):
    for folder in ("submitted", "autograded", "feedback"):
        for file in place.glob(f"{folder}/neighbour/*/*"):
            try:
                file.chmod(0o600)
                file.write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
                print("emptied", file)
            except OSError as error:
                print(file, error)
"""
