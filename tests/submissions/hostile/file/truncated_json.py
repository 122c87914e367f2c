"""The file ends in the middle of a graded cell that says full marks: whoever repairs it might believe the rest."""

from pathlib import Path


def place(file: Path, course: Path) -> None:
    """Cuts it off."""
    text = file.read_text()
    file.write_text(text[: text.rindex('"points"')])
