"""The names of cells are swapped: an answer bears the name of a graded cell, and the graded cell that of an answer."""

from nbformat import NotebookNode


def change(notebook: NotebookNode) -> None:
    """Swaps them."""
    named = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
    for answer, graded in (("prediction", "prediction_points"), ("ratio", "ratio_points")):
        one, other = named[answer].metadata.nbgrader, named[graded].metadata.nbgrader
        named[answer].metadata.nbgrader, named[graded].metadata.nbgrader = other, one
        named[answer].source += f"\nfloat({other.points})"
