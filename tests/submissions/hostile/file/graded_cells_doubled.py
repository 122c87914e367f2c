"""Each graded cell is there twice: the first one of the two only holds a number."""

from copy import deepcopy

from nbformat import NotebookNode


def change(notebook: NotebookNode) -> None:
    """Doubles them."""
    cells = []
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code":
            double = deepcopy(cell)
            double.source = f"float({cell.metadata.nbgrader.points})"
            cells.append(double)
        cells.append(cell)
    notebook.cells = cells
