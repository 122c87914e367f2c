"""The notebook asks for a kernel of another language, in which the tests are comments, and stored results remain."""

from nbformat import NotebookNode
from nbformat.v4 import new_output


def change(notebook: NotebookNode) -> None:
    """Changes kernel and language."""
    notebook.metadata.kernelspec = {"name": "bash", "display_name": "Bash", "language": "bash"}
    notebook.metadata.language_info = {"name": "bash", "file_extension": ".sh"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [new_output("execute_result", data={"text/plain": "5.0"}, execution_count=1)]
