"""Cells on which patterns and parsers take time without end: whoever reads them never comes to the next notebook."""

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

#: Characters of most of them: together they stay below what is refused for its length.
LONG = 60_000


def change(notebook: NotebookNode) -> None:
    """Adds them."""
    notebook.cells += [
        new_code_cell("\n" * LONG + "x"),
        new_code_cell("### BEGIN HIDDEN TESTS\n" * (LONG // 20)),
        new_code_cell("lab.hint" + "()" * 700),
        new_code_cell("x = " + "-" * LONG + "1"),
        new_code_cell("x = " + "[" * LONG),
        new_code_cell("lab.hint(" * 90 + ")" * 90),
        new_code_cell("!" * LONG),
        new_markdown_cell("open_lab(" * (LONG // 9)),
    ]
    notebook.cells += [new_code_cell(f"x{number} = 1" + " " * 3_000) for number in range(100)]
