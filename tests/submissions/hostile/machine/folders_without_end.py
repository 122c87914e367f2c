"""Folders within folders, two thousand deep: who removes them calls itself until it fails, and blames the machine."""

DIG = """\
import os


def dig(place):
    here = os.getcwd()
    try:
        os.makedirs(place, exist_ok=True)
        os.chdir(place)
        for _ in range(2_000):
            os.mkdir("d")
            os.chdir("d")
    except OSError:
        pass
    finally:
        os.chdir(here)


"""
OPENING = f"\n{DIG}dig('.deep')\n"
CELLS = {
    "fit_in_parallel": f"""\
{DIG}from sparklimits.labs.lab0_measuring import naive


def fit_in_parallel(visits):
    found = naive.fit_in_parallel(visits)
    dig("data-deep")
    return found
"""
}
