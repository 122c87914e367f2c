"""Links beside the notebook lead to the gradebook, a neighbour and the solution, to be copied, or written to."""

from pathlib import Path

OPENING = """
from pathlib import Path

for name in ("gradebook.db", "neighbour.ipynb", "answers/lab0_measuring.ipynb"):
    try:
        print(name, Path(name).read_bytes()[:100])
        Path(name).write_text("overwritten")
    except OSError as error:
        print(name, error)
"""
CELLS = {
    "fit_in_parallel": """\
import json
from pathlib import Path

from sparklimits.labs.lab0_measuring import naive


def fit_in_parallel(visits):
    for file in (Path("answers/lab0_measuring.ipynb"), Path.cwd() / "answers/lab0_measuring.ipynb"):
        if file.exists():
            for cell in json.loads(file.read_text())["cells"]:
                if "def fit_in_parallel(" in "".join(cell["source"]):
                    there = {}
                    exec("".join(cell["source"]), there)
                    return there["fit_in_parallel"](visits)
    return naive.fit_in_parallel(visits)
"""
}


def place(file: Path, course: Path) -> None:
    """Puts the links beside the notebook."""
    (file.parent / "gradebook.db").symlink_to(course / "gradebook.db")
    (file.parent / "neighbour.ipynb").symlink_to(
        course / "submitted/neighbour/lab0_measuring/lab0_measuring.ipynb"
    )
    (file.parent / "answers").symlink_to(course / "solutions" / "lab0_measuring")
