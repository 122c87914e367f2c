"""No cell and no notebook says what it is: what is graded would be anything that prints a number."""

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell


def change(notebook: NotebookNode) -> None:
    """Takes all metadata away, and adds cells that look like graded ones."""
    notebook.metadata = {}
    for cell in notebook.cells:
        if "points(" in cell.source:
            cell.source = "float(5)"
        cell.metadata = {}
    notebook.cells += [new_code_cell("points(1.0, most=5)") for _ in range(5)]
