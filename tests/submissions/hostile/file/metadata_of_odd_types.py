"""Metadata of types that nobody expects: what asks them falls over, and with it the whole class."""

from nbformat import NotebookNode


def change(notebook: NotebookNode) -> None:
    """Changes their types."""
    odd = [
        [],
        "graded",
        5,
        None,
        {"grade_id": ["a"]},
        {"grade_id": {"a": 1}, "grade": "yes", "points": "many"},
    ]
    for number, cell in enumerate(notebook.cells):
        if "nbgrader" in cell.metadata:
            cell.metadata["nbgrader"] = odd[number % len(odd)]
        cell.metadata["tags"] = {"skip-execution": True}
    notebook.metadata["sparklimits"] = ["2.0.0"]
    notebook.metadata["kernelspec"] = "python3"
    notebook.metadata["language_info"] = []
