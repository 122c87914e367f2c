"""Whole notebooks of lab 0 that are right, and odd in a way of their own: each must get its full marks."""

from __future__ import annotations

from collections.abc import Callable

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from sparklimits import labs
from sparklimits.grading.marks import name_of
from tests.marks import most
from tests.submissions import NOISE, reference, shortened
from tests.submissions.hostile import LAB

#: The same model from its normal equations, whose parts the executors compute in NumPy.
OTHER_ALGORITHM = """\
import numpy as np
import pandas as pd

from sparklimits.labs.lab0_measuring import oracle


def fit_in_parallel(visits):
    slots = visits.sparkSession.sparkContext.defaultParallelism

    def partial(parts):
        total = 0.0
        for part in parts:
            table = np.column_stack([np.ones(len(part)), oracle._features(part), part["minutes"]])
            total = total + table.T @ table
        yield pd.DataFrame({"row": range(len(total)), "values": list(total)})

    found = visits.repartition(slots).mapInPandas(partial, "row int, values array<double>").toPandas()
    moments = sum(np.stack(part["values"].to_list()) for _, part in found.groupby(found.groupby("row").cumcount()))
    rows, sums = moments[0, 0], moments[0, 1:]
    mean = sums / rows
    covariance = moments[1:, 1:] / rows - np.outer(mean, mean)
    spread = np.sqrt(np.diag(covariance))
    together = covariance / np.outer(spread, spread)
    penalty = 0.01 / spread[-1] * np.eye(len(spread) - 1)
    weights = np.linalg.solve(together[:-1, :-1] + penalty, together[:-1, -1]) * spread[-1] / spread[:-1]
    return pd.DataFrame({"weight": [*weights, mean[-1] - mean[:-1] @ weights]})
"""
#: One of two tasks has 64 of 100 rows. (Spark's hashes of 0 and 2 lie in different partitions.)
MOST_OF_A_FIX = """\
from pyspark.sql import functions as F

from sparklimits.labs.lab0_measuring.naive import train


def fit_in_parallel(visits):
    place = F.when(F.rand(7) < 0.636, 0).otherwise(2)
    return train(visits.withColumn("place", place).repartition(2, "place").drop("place"))
"""


def right() -> NotebookNode:
    """The reference's answers."""
    return shortened(reference(LAB))


def _answers(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if name_of(cell) in labs.find(LAB).names]


def _with(source: str) -> NotebookNode:
    notebook = right()
    next(cell for cell in notebook.cells if name_of(cell) == "fit_in_parallel").source = source
    return notebook


def another_algorithm() -> NotebookNode:
    """The normal equations instead of MLlib."""
    return _with(OTHER_ALGORITHM)


def most_of_a_fix() -> NotebookNode:
    """Four fifths of the marks of one function are its due."""
    return _with(MOST_OF_A_FIX)


def chatty() -> NotebookNode:
    """Prints and warns in every way, and much."""
    notebook = shortened(reference(LAB, before=NOISE))
    for cell in _answers(notebook):
        cell.source += "\nfor line in range(3_000):\n    print('line', line)"
    return notebook


def timed() -> NotebookNode:
    """Each answer begins with a magic that times it."""
    notebook = right()
    for cell in _answers(notebook):
        cell.source = f"%%time\n{cell.source}"
    return notebook


def asking() -> NotebookNode:
    """A cell asks for input, and does not catch what comes of it."""
    notebook = right()
    notebook.cells.insert(3, new_code_cell("name = input('Your name? ')"))
    return notebook


def with_a_widget() -> NotebookNode:
    """A slider, and its state in the metadata."""
    notebook = right()
    notebook.cells.insert(3, new_code_cell("import ipywidgets\n\nipywidgets.IntSlider(value=7)"))
    state = {"state": {"a": {"model_name": "IntSliderModel"}}, "version_major": 2, "version_minor": 0}
    notebook.metadata.widgets = {"application/vnd.jupyter.widget-state+json": state}
    return notebook


def installing() -> NotebookNode:
    """Installs what is there already."""
    notebook = right()
    notebook.cells.insert(1, new_code_cell("!pip install pandas pyspark\n%pip install scipy"))
    return notebook


def from_vs_code() -> NotebookNode:
    """As VS Code saves it: its own kernel, and cells whose metadata name a language."""
    notebook = right()
    notebook.metadata = {
        "kernelspec": {"display_name": ".venv (3.11.2)", "language": "python", "name": "python3"},
        "language_info": {"name": "python", "version": "3.11.2"},
        "vscode": {"interpreter": {"hash": "31f2"}},
    }
    for cell in notebook.cells:
        cell.metadata = {"vscode": {"languageId": "python"}} if cell.cell_type == "code" else {}
    return notebook


def from_colab() -> NotebookNode:
    """As Colab saves it: ids, a form and a kernel of its own in the metadata, and nothing of nbgrader's."""
    notebook = right()
    notebook.metadata = {
        "colab": {"provenance": [], "toc_visible": True},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
        "accelerator": "GPU",
    }
    for number, cell in enumerate(notebook.cells):
        cell.metadata = {"id": f"aB{number}", "colab": {"base_uri": "https://localhost:8080/"}}
        cell.id = f"c{number}"
    return notebook


#: All of them, by name.
CONTROLS: dict[str, Callable[[], NotebookNode]] = {
    made.__name__: made
    for made in (
        right, another_algorithm, most_of_a_fix, chatty, timed, asking, with_a_widget, installing, from_vs_code,
        from_colab,
    )
}  # fmt: skip
#: The least and the most that the 80 % fix earns of four points: its rows are dealt out by chance.
DUE = {"most_of_a_fix": {"fit_in_parallel_points": (2.6, 3.7)}}


def undue(name: str, earned: dict[str, float]) -> dict[str, float]:
    """What this notebook earned, by graded cell, where that is not what it is due."""
    due = {cell: (points, points) for cell, points in most(right()).items()} | DUE.get(name, {})
    return {cell: points for cell, points in earned.items() if not due[cell][0] <= points <= due[cell][1]}
