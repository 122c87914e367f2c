"""The cells' metadata say that each is worth a hundred points."""

from nbformat import NotebookNode

CELLS = {"prediction": "my_prediction = None"}


def change(notebook: NotebookNode) -> None:
    """Raises the points."""
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata.nbgrader.points = 100
