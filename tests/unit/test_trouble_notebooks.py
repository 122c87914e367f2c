"""Notebooks as they come back: other editors, lost metadata, cells deleted, doubled, moved and split, odd files."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.utils import ignore_patterns
from traitlets.config import Config

from sparklimits.cli import main
from sparklimits.errors import SubmissionError
from sparklimits.grading import execution, hidden, hints, kernel, nbgrader_settings, places, recovery
from sparklimits.grading.marks import name_of
from sparklimits.grading.places import lab_of
from sparklimits.grading.reading import (
    MOST_BYTES,
    MOST_CELLS,
    MOST_CODE,
    MOST_PICTURES,
    MOST_TEXT,
    read_submission,
)
from sparklimits.grading.submission import load_functions, load_solution, reference_path
from sparklimits.labs import find
from tests.submissions import LAB, ROOT, reference, released, with_cells

shows = pytest.mark.shows
SKEW = find(LAB)
PAIRS = "def item_pairs(ratings):\n    return ratings.limit(7)\n"


def cell_of(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if name_of(cell) == name)


def without(notebook: NotebookNode, *names: str) -> NotebookNode:
    notebook.cells = [cell for cell in notebook.cells if name_of(cell) not in names]
    return notebook


def recovered(notebook: NotebookNode) -> tuple[NotebookNode, str]:
    """The notebook as it comes back from a file, and what was done to it."""
    found, said = recovery.recover(copy.deepcopy(notebook), released(), f"{LAB}.ipynb")
    nbformat.validate(found)
    return found, "\n".join(said)


def names_of(notebook: NotebookNode) -> list[str]:
    return [name_of(cell) for cell in notebook.cells if name_of(cell)]


def check_whole(notebook: NotebookNode, wanted: NotebookNode) -> None:
    """All cells with a name are there, in order, as the release has them, with the answers of ``wanted``."""
    originals = {name_of(cell): cell for cell in released().cells if name_of(cell)}
    assert names_of(notebook) == list(originals)
    for name, original in originals.items():
        found = cell_of(notebook, name)
        assert found.metadata == original.metadata, name
        assert found.cell_type == original.cell_type, name
        assert found.source == cell_of(wanted, name).source, name


def answered(text: str = "Because one task has everything.") -> NotebookNode:
    notebook = reference()
    cell_of(notebook, "explain").source = text
    return notebook


# What editors do to a notebook


def test_a_notebook_that_nobody_touched_comes_back_as_it_was() -> None:
    found, said = recovered(answered())
    assert said == ""
    assert [cell.source for cell in found.cells] == [cell.source for cell in answered().cells]


def _colab(notebook: NotebookNode) -> None:
    notebook.metadata = {
        "colab": {"provenance": []},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
    }
    for cell in notebook.cells:
        cell.metadata = {"id": cell.id}
        cell.id = cell.id[::-1]


def _databricks(notebook: NotebookNode) -> None:
    notebook.metadata = {"application/vnd.databricks.v1+notebook": {"language": "python"}}
    for cell in notebook.cells:
        cell.metadata = {"application/vnd.databricks.v1+cell": {"title": "", "nuid": cell.id}}
        cell.id = cell.id[::-1]


def _numbered(notebook: NotebookNode) -> None:
    for number, cell in enumerate(notebook.cells):
        cell.metadata, cell.id = {}, str(number)


@pytest.mark.parametrize("editor", [_colab, _databricks, _numbered])
def test_lost_metadata_comes_from_the_release(editor: Callable[[NotebookNode], None]) -> None:
    notebook = answered()
    editor(notebook)
    found, said = recovered(notebook)
    check_whole(found, answered())
    assert "without nbgrader's metadata" in said
    assert "explain" in said


def test_lost_metadata_and_answers_unlike_the_release() -> None:
    notebook = with_cells(LAB, {"item_pairs": PAIRS, "prediction": "# I guess\nmy_prediction = 2.5"})
    cell_of(notebook, "explain").source = "One paragraph."
    index = notebook.cells.index(cell_of(notebook, "explain"))
    notebook.cells.insert(index + 1, new_markdown_cell("And one more."))
    wanted = copy.deepcopy(notebook)
    cell_of(wanted, "explain").source = "One paragraph.\n\nAnd one more."
    for cell in notebook.cells:
        cell.metadata = {}
    check_whole(recovered(notebook)[0], wanted)


def test_a_locked_cell_that_was_edited_and_lost_its_metadata_is_known_by_its_text() -> None:
    notebook = answered()
    prove = cell_of(notebook, "prove")
    prove.source, prove.metadata, prove.id = f"{prove.source}  # once more", {}, "new"
    found, said = recovered(notebook)
    check_whole(found, answered())
    assert sum("lab.prove()" in cell.source for cell in found.cells) == 1
    assert "prove was changed, though locked" in said


def test_a_name_alone_is_enough() -> None:
    notebook = answered()
    for cell in notebook.cells:
        cell.id = cell.id[::-1]
    notebook.cells.insert(0, notebook.cells.pop(notebook.cells.index(cell_of(notebook, "explain"))))
    check_whole(recovered(notebook)[0], answered())


@pytest.mark.parametrize("name", ["conda-env-spark-py", "venv", "python311", "ir"])
def test_another_kernel_is_the_courses(name: str) -> None:
    notebook = answered()
    notebook.metadata.kernelspec = {"display_name": "mine", "language": "python", "name": name}
    found, said = recovered(notebook)
    assert found.metadata == released().metadata
    assert f"{name!r}" in said


@pytest.mark.parametrize("broken", ["python3", None, {"name": None}, []])
def test_metadata_of_any_form_is_no_error(broken: object) -> None:
    notebook = answered()
    notebook.metadata = nbformat.from_dict({"kernelspec": broken, "sparklimits": broken, "widgets": broken})
    cell_of(notebook, "item_pairs").metadata.nbgrader = broken
    cell_of(notebook, "prove").metadata = nbformat.from_dict({"nbgrader": broken, "tags": ["skip-execution"]})
    check_whole(recovered(notebook)[0], answered())


# Cells deleted, doubled, moved, split, renamed


@pytest.mark.parametrize("name", names_of(released()))
def test_a_deleted_cell_is_put_back_and_said(name: str) -> None:
    found, said = recovered(without(answered(), name))
    wanted = answered()
    cell_of(wanted, name).source = cell_of(released(), name).source
    check_whole(found, wanted)
    assert f"The cell {name} was deleted: put back." in said


def test_the_cell_that_opens_the_lab_is_put_back_where_it_is_needed() -> None:
    notebook = answered()
    notebook.cells = [cell for cell in notebook.cells if name_of(cell)]
    found, said = recovered(notebook)
    assert "open_lab(" in found.cells[0].source
    assert "lab, points, ratings" in said
    notebook.cells.insert(0, new_code_cell(f"from sparklimits.notebook import *\nlab = open_lab('{LAB}')"))
    notebook.cells.insert(
        1, new_code_cell("from sparklimits.notebook import points\nratings = lab.data['ratings']")
    )
    assert sum("open_lab(" in cell.source for cell in recovered(notebook)[0].cells) == 1


def test_an_untouched_copy_of_a_cell_does_not_replace_the_answer() -> None:
    for place in (0, len(released().cells)):
        notebook = with_cells(LAB, {"item_pairs": PAIRS})
        notebook.cells.insert(place, copy.deepcopy(cell_of(released(), "item_pairs")))
        wanted = with_cells(LAB, {"item_pairs": PAIRS})
        found, said = recovered(notebook)
        check_whole(found, wanted)
        assert sum("def item_pairs" in cell.source for cell in found.cells) == 1
        assert "there more than once" in said
        for cell in notebook.cells:
            cell.metadata = {}
        check_whole(recovered(notebook)[0], wanted)


def test_of_two_attempts_the_last_counts_and_the_first_stays() -> None:
    notebook = with_cells(LAB, {"item_pairs": "def item_pairs(ratings):\n    return 1\n"})
    second = copy.deepcopy(cell_of(notebook, "item_pairs"))
    second.source = PAIRS
    notebook.cells.insert(notebook.cells.index(cell_of(notebook, "item_pairs")) + 1, second)
    found, _ = recovered(notebook)
    check_whole(found, with_cells(LAB, {"item_pairs": PAIRS}))
    assert "def item_pairs(ratings):\n    return 1\n" in [cell.source for cell in found.cells]


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("cut", ["\n\ndef item_pairs", "\n    return"])
def test_a_split_answer_is_joined(keeps: bool, cut: str) -> None:
    whole = f"from pyspark.sql import functions as F\nimport os\n\n{PAIRS}"
    notebook = with_cells(LAB, {"item_pairs": whole})
    first = cell_of(notebook, "item_pairs")
    tail = copy.deepcopy(first)
    at = whole.index(cut)
    first.source, tail.source = whole[:at], whole[at:].lstrip("\n")
    if not keeps:
        tail.metadata = {}
    notebook.cells.insert(notebook.cells.index(first) + 1, tail)
    found, said = recovered(notebook)
    assert cell_of(found, "item_pairs").source.replace("\n\n", "\n") == whole.replace("\n\n", "\n")
    assert "item_pairs was split: joined again" in said
    assert len(found.cells) == len(released().cells)


def test_merged_answers_are_not_replaced_by_the_naive_way(tmp_path: Path) -> None:
    notebook = without(
        with_cells(LAB, {"item_trends": "def item_trends(ratings):\n    return 1\n\n\n" + PAIRS}),
        "item_pairs",
    )
    found, said = recovered(notebook)
    assert "item_pairs was merged with the cell item_trends" in said
    assert sum("def item_pairs" in cell.source for cell in found.cells) == 1
    functions = load_functions(solution(tmp_path, notebook), SKEW)
    assert functions["item_trends"](None) == 1
    assert functions["item_pairs"].__code__.co_consts[-1] == 7


def test_an_answer_that_was_merged_with_its_test() -> None:
    merged = PAIRS + "\n" + cell_of(released(), "item_pairs_test").source
    for kept, lost in (("item_pairs", "item_pairs_test"), ("item_pairs_test", "item_pairs")):
        found, _ = recovered(without(with_cells(LAB, {kept: merged}), lost))
        check_whole(found, with_cells(LAB, {"item_pairs": merged}))


def test_a_cell_of_the_students_own_is_not_joined_to_an_answer() -> None:
    notebook = with_cells(LAB, {"item_pairs": PAIRS})
    own = new_code_cell("lab.watch(item_pairs, ratings)")
    notebook.cells.insert(notebook.cells.index(cell_of(notebook, "item_pairs")) + 1, own)
    check_whole(recovered(notebook)[0], with_cells(LAB, {"item_pairs": PAIRS}))


def test_moved_cells_go_back_into_their_place() -> None:
    notebook = answered()
    moved = [cell_of(notebook, "prove"), cell_of(notebook, "item_trends")]
    notebook.cells = [moved[0], *(cell for cell in notebook.cells if cell not in moved), moved[1]]
    found, said = recovered(notebook)
    check_whole(found, answered())
    assert "The cells item_trends, prove were moved" in said


def test_names_that_were_changed_or_exchanged() -> None:
    notebook = answered()
    one, two = cell_of(notebook, "item_trends"), cell_of(notebook, "item_pairs")
    one.metadata.nbgrader.grade_id, two.metadata.nbgrader.grade_id = "item_pairs", "item_trends"
    cell_of(notebook, "speed_points").metadata.nbgrader.grade_id = "cell-8f2a"
    found, said = recovered(notebook)
    check_whole(found, answered())
    assert "under another name" in said


def test_points_locks_and_tags_come_from_the_release() -> None:
    notebook = answered()
    speed = cell_of(notebook, "speed_points")
    speed.metadata.nbgrader.points, speed.metadata.nbgrader.locked = 100, False
    speed.metadata.nbgrader.solution = True
    speed.metadata.tags = ["skip-execution"]
    speed.source = "points(1, most=100)"
    new = new_code_cell("9.0")
    new.metadata.nbgrader = {
        "grade": True,
        "grade_id": "bonus",
        "points": 9,
        "locked": True,
        "solution": False,
    }
    notebook.cells.append(new)
    found, said = recovered(notebook)
    check_whole(found, answered())
    assert found.cells[-1].metadata == {}
    assert "speed_points was with changed points or locks" in said
    assert "speed_points was changed, though locked" in said


def test_types_are_those_of_the_release() -> None:
    notebook = answered()
    for name in ("item_pairs", "prove", "explain"):
        cell = cell_of(notebook, name)
        cell.cell_type = "raw" if cell.cell_type == "code" else "code"
    found, said = recovered(notebook)
    check_whole(found, answered())
    assert "item_pairs, prove were a raw cell: made a code cell again" in said


@pytest.mark.shows("other_lab")
@pytest.mark.shows("not_the_labs")
def test_what_is_no_notebook_of_the_lab_is_refused_with_the_reason() -> None:
    with pytest.raises(SubmissionError, match="holds the notebook of lab3_network, not of lab2_skew"):
        recovered(released("lab3_network"))
    foreign = nbformat.v4.new_notebook(cells=[new_code_cell("print('homework of another course')")])
    with pytest.raises(SubmissionError, match=r"of its \d+ cells with a name it holds 0"):
        recovered(foreign)


def test_recovering_twice_changes_nothing_more() -> None:
    notebook = without(answered(), "speed_points", "item_trends")
    notebook.cells.insert(0, copy.deepcopy(cell_of(notebook, "prove")))
    once, _ = recovered(notebook)
    twice, said = recovered(once)
    assert said == ""
    assert twice == once


# Files


def written(folder: Path, data: bytes | str, name: str = f"{LAB}.ipynb") -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


TEXT = nbformat.writes(answered("Größer ist langsamer."))


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\xef\xbb\xbf" + TEXT.encode(), "byte order mark"),
        (TEXT.encode("utf-16"), "UTF-16"),
        (TEXT.encode("utf-16-be"), "UTF-16"),
        (TEXT.encode("utf-32"), "UTF-32"),
        (TEXT.encode("cp1252", "replace"), "Windows-1252"),
        (TEXT.replace("\n", "\r\n").encode(), ""),
        (TEXT.replace("\\n", "\\r\\n").encode(), ""),
        ((TEXT + "}\n]").encode(), "Something followed"),
        ((TEXT + "\0" * 100).encode(), ""),
        (json.dumps(TEXT).encode(), ""),
        (json.dumps({"type": "notebook", "content": json.loads(TEXT)}).encode(), ""),
    ],
)
def test_files_in_all_forms_are_read(tmp_path: Path, data: bytes, word: str) -> None:
    notebook, said = read_submission(written(tmp_path, data))
    found, more = recovery.recover(notebook, released(), "x")
    wanted = answered("Größer ist langsamer.")
    if word != "Windows-1252":  # some of its characters were lost before
        check_whole(found, wanted)
        assert more == []
    assert "Größer" in cell_of(found, "explain").source
    assert word in "\n".join(said)
    assert bool(said) == bool(word)


def test_old_formats_are_converted(tmp_path: Path) -> None:
    for minor in range(5):
        old = json.loads(TEXT)
        old["nbformat_minor"] = minor
        for cell in old["cells"]:
            del cell["id"]
        found, said = recovery.recover(
            read_submission(written(tmp_path, json.dumps(old)))[0], released(), "x"
        )
        check_whole(found, answered("Größer ist langsamer."))
        assert said == []
    oldest = nbformat.writes(nbformat.convert(nbformat.reads(TEXT, 4), 3), version=3)
    notebook, said = read_submission(written(tmp_path, oldest))
    check_whole(recovery.recover(notebook, released(), "x")[0], answered("Größer ist langsamer."))
    assert "format 3" in said[0]


def test_ids_that_are_missing_doubled_or_wrong(tmp_path: Path) -> None:
    raw = json.loads(TEXT)
    for number, cell in enumerate(raw["cells"]):
        cell["id"] = ["same", None, "with space", 7][number % 4]
    notebook, said = read_submission(written(tmp_path, json.dumps(raw)))
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    assert any("same id" in sentence for sentence in said)
    check_whole(recovered(notebook)[0], answered("Größer ist langsamer."))


@pytest.mark.parametrize(
    ("data", "word"),
    [
        pytest.param(b"", "is empty", marks=shows("file_empty")),
        (b"\0" * 4096, "is empty"),
        pytest.param(TEXT[:3000].encode(), "ends in the middle", marks=shows("file_cut")),
        (TEXT[: TEXT.rindex("]")].encode(), "ends in the middle"),
        pytest.param(b"<!DOCTYPE html><html>log in</html>", "is a web page", marks=shows("file_web_page")),
        pytest.param(b"PK\x03\x04....", "is a zip archive", marks=shows("file_zip")),
        pytest.param(b"print('a script')", "is no notebook", marks=shows("file_no_notebook")),
        (b"[1, 2]", "is no notebook"),
        (b'{"a": 1}', "has no list of cells"),
        (b'{"cells": {}, "nbformat": 4}', "has no list of cells"),
        pytest.param(TEXT.replace('"cells"', '\n<<<<<<< HEAD\n"cells"').encode(), "a merge in git",
                     marks=shows("file_merge")),
        pytest.param(TEXT.replace('"cells"', '"cells" oops').encode(), "is damaged in line 2",
                     marks=shows("file_damaged")),
        (b'{"cells": ' + b"[" * 100_000, "nested too deeply"),
        pytest.param(b'{"nbformat": 3, "worksheets": [7]}', "old format", marks=shows("file_old")),
    ],
)  # fmt: skip
def test_what_is_no_notebook_gets_a_sentence(
    tmp_path: Path, data: bytes, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, data)
    with pytest.raises(SubmissionError, match=word):
        read_submission(path)
    assert main(["check", str(path)]) == 1
    assert main(["run", LAB, "--solution", str(path)]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line and " · " not in line]
    assert len(lines) == 2
    assert all(word in line for line in lines)


@pytest.mark.shows("file_unreadable")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", read)  # root may read everything
    with pytest.raises(SubmissionError, match=rf"{LAB}.ipynb cannot be read \(Permission denied\)\. Look at"):
        read_submission(written(tmp_path, TEXT))


@pytest.mark.shows("file_too_much")
@pytest.mark.parametrize(
    "cells", [[new_code_cell("1")] * (MOST_CELLS + 1), [new_code_cell("x" * (MOST_CODE // 2 + 1))] * 2]
)
def test_a_notebook_that_could_be_read_for_hours_is_refused(
    tmp_path: Path, cells: list[NotebookNode]
) -> None:
    path = tmp_path / "mine.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    with pytest.raises(SubmissionError, match=r"^mine.ipynb has [\d,]+ cells with [\d,]+ characters of code"):
        read_submission(path)


def test_a_number_of_thousands_of_digits_gets_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "mine.ipynb"
    path.write_text(f'{{"cells": [], "metadata": {{}}, "nbformat": 4, "nbformat_minor": {"9" * 5_000}}}')
    with pytest.raises(
        SubmissionError, match=r"^mine.ipynb is no notebook: it cannot be read \(Exceeds the limit"
    ):
        read_submission(path)


def test_metadata_of_odd_types_in_the_file_are_no_error(tmp_path: Path) -> None:
    content = json.loads(nbformat.writes(answered()))
    content["metadata"] |= {"kernelspec": "python3", "language_info": [], "sparklimits": ["2.0.0"]}
    path = tmp_path / "mine.ipynb"
    path.write_text(json.dumps(content))
    check_whole(recovered(read_submission(path)[0])[0], answered())


@pytest.mark.parametrize(
    "source",
    [
        "\n" * 20_000 + "x = 1",
        "### BEGIN HIDDEN TESTS\n" * 2_000,
        "x = " + "-" * 50_000 + "1",
        "x = " + "[" * 50_000,
        "lab.hint" + "()" * 700,
        "x = a" + ".b" * 900,
        "!ls {x}\n" * 2_000,
        "?" * 40_000 + "\n" + "!" * 40_000,
    ],
    ids=["newlines", "marks", "signs", "brackets", "calls", "attributes", "magics", "one line"],
)
def test_a_cell_on_which_parsers_take_for_ever_is_passed_over(source: str) -> None:
    notebook = answered()
    notebook.cells.append(new_code_cell(source))
    began = time.process_time()
    found, _ = recovered(notebook)
    assert hints.opened(found) == {}
    hidden.without_traces(found)
    assert time.process_time() - began < 5
    check_whole(found, answered())


@pytest.mark.shows("file_too_long")
def test_outputs_do_not_count_and_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    raw = json.loads(TEXT)
    for cell in raw["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [new_output("stream", name="stdout", text="x" * 1_000_000)]
    path = written(tmp_path, json.dumps(raw))
    tracemalloc.start()
    notebook, said = read_submission(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2.5 * path.stat().st_size, "the file and its text; of the outputs one at a time"
    assert all(not cell.get("outputs") for cell in notebook.cells)
    assert "outputs are left out" in said[0]
    with written(tmp_path, "{}").open("r+b") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(SubmissionError, match="Clear Outputs of All Cells"):
        read_submission(tmp_path / f"{LAB}.ipynb")


def test_cells_of_any_form_are_no_error(tmp_path: Path) -> None:
    raw = json.loads(TEXT)
    raw["cells"] += [
        None, 7, {}, {"cell_type": "heading", "source": ["a", 3]},
        {"cell_type": "code", "source": None, "metadata": []},
        {"cell_type": "markdown", "source": "\ud83d", "outputs": [], "attachments": 3},
    ]  # fmt: skip
    path = tmp_path / f"{LAB}.ipynb"
    path.write_text(json.dumps(raw))
    found, _ = recovered(read_submission(path)[0])
    check_whole(found, answered("Größer ist langsamer."))
    nbformat.write(found, tmp_path / "again.ipynb")


# `run --solution` runs cells as a kernel does


def solution(folder: Path, notebook: NotebookNode) -> Path:
    path = folder / f"{LAB}.ipynb"
    nbformat.write(notebook, path)
    return path


@pytest.mark.parametrize(
    "source",
    [
        f"%%time\n{PAIRS}",
        f"%%capture kept\n{PAIRS}",
        f"%timeit -n1 -r1 1\n{PAIRS}\n!echo done\nfiles = !ls\n?item_pairs\nlen?",
        f"%matplotlib inline\n%pip install nothing-there\n!pip install nothing-there\n{PAIRS}",
        ">>> def item_pairs(ratings):\n...     return ratings.limit(7)",
        f"    # indented\n{''.join('    ' + line for line in PAIRS.splitlines(keepends=True))}",
    ],
)
def test_magics_in_an_answer_run(tmp_path: Path, source: str, capfd: pytest.CaptureFixture[str]) -> None:
    main_module, path, hook = sys.modules["__main__"], os.environ["PATH"], sys.displayhook
    loaded = load_solution(solution(tmp_path, with_cells(LAB, {"item_pairs": source})), SKEW)
    assert loaded.absent == {}
    assert loaded.functions["item_pairs"].__module__ == "__main__"
    assert loaded.functions["item_pairs"](type("Table", (), {"limit": lambda self, n: n})()) == 7
    printed = capfd.readouterr()
    assert printed.out == "", "standard output belongs to the result"
    if "pip" in source:
        assert printed.err.count("was not run") == 2
    assert (sys.modules["__main__"], os.environ["PATH"], sys.displayhook) == (main_module, path, hook)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def item_pairs(:\n", "item_pairs: SyntaxError"),
        (f"name = input('who? ')\n{PAIRS}", r"item_pairs: RuntimeError: input\(\) asks a person"),
        (f"import no_such_module\n{PAIRS}", "item_pairs: ModuleNotFoundError"),
        ("item_pairs = 3", f"{LAB}.ipynb does not define item_pairs"),
        ("exit()", "item_pairs: "),
    ],
)
def test_a_cell_that_fails_costs_its_function_only(tmp_path: Path, source: str, reason: str) -> None:
    path = solution(tmp_path, with_cells(LAB, {"item_pairs": source}))
    loaded = load_solution(path, SKEW)
    assert set(loaded.functions) == {"item_trends"}
    with pytest.raises(SubmissionError, match=reason):
        load_functions(path, SKEW)


def test_a_script_that_prints_and_ends_itself_gives_its_functions(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    script = f"{PAIRS}\nprint('said')\nif __name__ == '__main__':\n    import sys\n    sys.exit(0)\n"
    loaded = load_solution(written(tmp_path, script, "mine.py"), SKEW)
    assert set(loaded.functions) == {"item_pairs"}
    assert loaded.absent == {"item_trends": "mine.py does not define item_trends"}
    assert capfd.readouterr() == ("", "said\n"), "standard output belongs to the result"


@pytest.mark.shows("cell_unknown")
@pytest.mark.shows("no_function")
@pytest.mark.shows("no_reference")
def test_what_run_cannot_measure_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = written(tmp_path, "item_pair = 3", "mine.py")
    with pytest.raises(
        SubmissionError, match=r"no function of lab2_skew to measure: mine\.py does not define item_t"
    ):
        load_solution(script, SKEW)
    bare = solution(tmp_path, nbformat.v4.new_notebook(cells=[new_code_cell(PAIRS)]))
    monkeypatch.setenv(
        "SPARKLIMITS_HOME", str(tmp_path)
    )  # a student's files alone, without the released ones
    with pytest.raises(SubmissionError, match=f"{LAB}.ipynb has no cell named item_trends, item_pairs"):
        load_solution(bare, SKEW)
    with pytest.raises(SubmissionError, match=f"no reference for {LAB} here .*with --solution"):
        reference_path(SKEW)


def test_an_answer_may_import_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    written(tmp_path / "own", PAIRS, "mine_20260101.py")
    notebook = with_cells(LAB, {"item_pairs": "from mine_20260101 import item_pairs"})
    assert set(load_functions(solution(tmp_path / "own", notebook), SKEW)) == {"item_trends", "item_pairs"}


def test_run_recovers_as_check_does(tmp_path: Path) -> None:
    notebook = with_cells(LAB, {"item_pairs": PAIRS})
    notebook.metadata = {}
    for cell in notebook.cells:
        cell.metadata = {}
    loaded = load_solution(solution(tmp_path, notebook), SKEW)
    assert set(loaded.functions) == {"item_trends", "item_pairs"}
    assert "metadata was lost" in loaded.said[0]


@pytest.mark.shows("kernel_ended_often")
def test_a_notebook_with_many_cells_that_end_the_kernel_is_left_to_a_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(step: execution.PatientExecute, notebook: NotebookNode, resources: object, km: object) -> None:
        step.nb, step._at = notebook, len(step._skipped)  # the first cell that is not left out
        raise DeadKernelError("gone")

    monkeypatch.setattr(execution.Execute, "preprocess", run)
    notebook = new_notebook(cells=[new_code_cell("import os\nos._exit(1)") for _ in range(6)])
    with pytest.raises(SubmissionError, match=r"4 cells ended the kernel, and cell 5 does it too\. A person"):
        execution.PatientExecute().preprocess(notebook, {})


def test_a_kernel_that_did_not_start_is_started_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[int] = []

    def run(step: execution.PatientExecute, notebook: NotebookNode, resources: object, km: object) -> object:
        starts.append(1)
        if len(starts) == 1:
            raise RuntimeError("Kernel died before replying to kernel_info")
        return notebook, resources

    monkeypatch.setattr(execution.Execute, "preprocess", run)
    notebook = new_notebook()
    assert execution.PatientExecute().preprocess(notebook, {}) == (notebook, {})
    assert len(starts) == 2


# Installers


def test_no_installer_runs_while_a_notebook_is_graded(tmp_path: Path) -> None:
    """Each way to pip and its like, from a process that grades."""
    environment = {**os.environ, **kernel.installers_refused()}
    program = f"{Path(sys.executable).parent}/pip"
    commands = [
        "pip install nothing-there", "pip3 uninstall -y numpy", "conda install -y nothing", "uv pip install nothing",
        "apt-get install nothing", f"{sys.executable} -m pip install nothing-there",
        f"{sys.executable} -c 'import pip; pip.main([\"install\", \"nothing-there\"])'",
        *([f"{program} install nothing-there"] if Path(program).exists() else []),
    ]  # fmt: skip
    for command in commands:
        done = subprocess.run(command, shell=True, env=environment, capture_output=True, text=True)
        assert "was not run: while a notebook is graded" in done.stdout, command
        assert done.returncode == 0, command


@pytest.mark.parametrize(
    "source",
    ["!pip install x", "%pip install -q x", "!{sys.executable} -m pip install x", "  !conda install -y x",
     "%conda install x", "!uv pip install x", "!python3 -m pip uninstall x", "!apt-get -y install x"],
)  # fmt: skip
def test_a_cell_that_installs_is_said(source: str) -> None:
    notebook = answered()
    notebook.cells.insert(1, new_code_cell(source))
    assert "nothing is installed" in recovered(notebook)[1]
    notebook.cells[1].source = "pip = 3  # install"
    assert recovered(notebook)[1] == ""


# Names and folders


def submit(folder: Path, name: str, lab: str = LAB) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(released(lab), path)
    return path


@pytest.mark.parametrize(
    "name",
    [f"{LAB}/{LAB} (1).ipynb", f"{LAB}/{LAB}-Copy1.ipynb", f"{LAB}/Lab 2 final.ipynb", f"{LAB}/homework.ipynb",
     f"{LAB}.ipynb", f"{LAB}/{LAB}/{LAB}.ipynb", f"Übung 2/{LAB}.ipynb", f"{LAB}/{LAB}.ipynb.txt", f"{LAB}/{LAB}.IPYNB",
     f"{LAB}.backup-20260101-000000/{LAB}.ipynb"],
)  # fmt: skip
def test_a_misplaced_submission_is_put_into_place(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "submitted to Jürgen"
    path = submit(folder, f"Anna Groß/{name}")
    wanted = folder / "Anna Groß" / LAB / f"{LAB}.ipynb"
    placed, said = places.put_into_place(folder, LAB)
    assert placed == [wanted]
    assert wanted.read_bytes() == path.read_bytes()
    assert "it was copied to" in said[0]
    again, said = places.put_into_place(folder, LAB)
    assert again == []
    assert "is left out" in said[0]


def test_nothing_is_passed_over_in_silence(tmp_path: Path) -> None:
    submit(tmp_path, f"ann/{LAB}/{LAB}.ipynb")
    submit(tmp_path, f"ann/{LAB}/{LAB}-Copy1.ipynb")
    submit(tmp_path, "ann/lab3_network/lab3_network.ipynb", "lab3_network")
    submit(tmp_path, f"ann/{LAB}/.ipynb_checkpoints/{LAB}-checkpoint.ipynb")
    written(tmp_path / "ann" / LAB, "text", "notes.txt")
    (tmp_path / "bob" / LAB).mkdir(parents=True)
    written(tmp_path / "bob" / LAB, "text", "answer.docx")
    submit(tmp_path, f"{LAB}.ipynb")
    submit(tmp_path, f"{LAB}/carl.ipynb")
    placed, said = places.put_into_place(tmp_path, LAB)
    assert placed == []
    assert len(said) == 4
    assert f"{LAB}-Copy1.ipynb is left out" in said[0]
    assert "bob has no notebook of lab2_skew" in said[1]
    assert "answer.docx" in said[1]
    assert all("lies in no student's folder" in one for one in said[2:])
    assert places.put_into_place(tmp_path, LAB, "ann")[1] == [said[0], *said[2:]]


def test_check_looks_at_one_notebook_for_each_lab(tmp_path: Path) -> None:
    submit(tmp_path, f"{LAB}/{LAB}.ipynb")
    submit(tmp_path, f"{LAB}/{LAB}-Copy1.ipynb")
    submit(tmp_path, f"{LAB}.backup-20260101-000000/{LAB}.ipynb")
    submit(tmp_path, "lab3_network/lab3_network (1).ipynb", "lab3_network")
    (tmp_path / "lab1_memory").mkdir()
    written(tmp_path / "lab3_network", "{", "scratch.ipynb")
    chosen, said = places.in_work(tmp_path)
    assert [path.name for path in chosen] == [f"{LAB}.ipynb", "lab3_network (1).ipynb"]
    assert [LAB + word in "\n".join(said) for word in ("-Copy1.ipynb", ".backup-20260101-000000")] == [
        True,
        True,
    ]
    assert any("lab1_memory holds no notebook" in one for one in said)


@pytest.mark.parametrize("name", ["final.ipynb", f"{LAB} (1).ipynb", f"{LAB}-Copy1.ipynb", "Lab 2.ipynb"])
def test_a_notebook_tells_its_lab_whatever_its_name(tmp_path: Path, name: str) -> None:
    assert places.lab_of(submit(tmp_path, name)) == LAB


def test_what_is_handed_in_holds_no_temporary_files(tmp_path: Path) -> None:
    """nbgrader's own copy, with our settings: no scratch folder and no backups, a large notebook whole."""
    config = Config()
    nbgrader_settings.apply(config)
    folder = tmp_path / LAB
    submit(folder, f"{LAB}.ipynb")
    (folder / ".sparklimits" / "1-abcdefgh").mkdir(parents=True)
    (folder / ".sparklimits" / "1-abcdefgh" / "jars").symlink_to("/usr", target_is_directory=True)
    submit(folder, f"{LAB}.backup-20260101-000000/{LAB}.ipynb")
    (folder / "spark-warehouse").mkdir()
    with (folder / "large.ipynb").open("wb") as file:
        file.truncate(250_000_000)
    where = config.CourseDirectory
    there = {path.name for path in folder.iterdir()}
    left_out = ignore_patterns(where.ignore, ["*"], where.max_file_size)(str(folder), sorted(there))
    assert there - set(left_out) == {"lab2_skew.ipynb", "large.ipynb"}
    assert where.max_dir_size > 1_000_000


# Feedback


HIDDEN = """\
share = 1.0
### BEGIN HIDDEN TESTS
result = lab.also_on(result, "an odd variant", 41_275)
cases = [{"rows": 25569, "job": "a hidden job"}]
### END HIDDEN TESTS
print(f"Wrong answers of ratio: {share}")
points(share)
"""


def graded_cell() -> NotebookNode:
    """A locked cell with hidden tests."""
    told = {"grade_id": "points", "grade": True, "locked": True, "solution": False, "points": 1}
    return new_code_cell(HIDDEN, metadata={"nbgrader": told})


def test_feedback_tells_nothing_of_hidden_tests() -> None:
    cell = graded_cell()
    call = 'result = lab.\x1b[33malso_on\x1b[39m(result, "an odd variant", \x1b[32m41_275\x1b[39m)'
    frame = f"\x1b[32m----> 3\x1b[39m {call}"
    cell.outputs = [
        new_output(
            "stream",
            name="stdout",
            text="called with a hidden job\nmy own print\nWrong answers of ratio: 1.0\n",
        ),
        new_output(
            "error",
            ename="KeyError",
            evalue="'a hidden job', seed 41275",
            traceback=[frame, "KeyError: 25,569"],
        ),
        new_output("display_data", data={"text/plain": "25569"}),
        new_output("execute_result", data={"text/plain": "0.5"}),
    ]
    later = new_code_cell("print(In[-2])")
    later.outputs = [
        new_output("stream", name="stdout", text=f"it was\n{HIDDEN}\nand 41,275"),
        new_output("display_data", data={"text/html": "<b>41275</b>", "image/png": "41275"}),
        new_output("error", ename="E", evalue="25569", traceback=[frame]),
    ]
    notebook = nbformat.v4.new_notebook(cells=[cell, later])
    before = copy.deepcopy(notebook)
    found = hidden.without_traces(notebook)
    assert notebook == before
    shown = json.dumps([one.outputs for one in found.cells])
    for secret in ("41_275", '41275"', "41,275", "25569", "25,569", "also_on", "odd variant", "hidden job"):
        assert secret not in shown.replace('"image/png": "41275"', ""), secret
    assert "my own print" not in shown, "a function prints what it was given"
    assert "Wrong answers of ratio: 1.0" in shown
    assert found.cells[0].outputs[-1].data["text/plain"] == "0.5"
    assert found.cells[0].outputs[1].ename == "KeyError"
    assert "it was" in shown


def test_feedback_leaves_other_cells_alone() -> None:
    cell = new_code_cell("1 / 0")
    cell.outputs = [
        new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=["a\x1b[0m", "b"])
    ]
    notebook = nbformat.v4.new_notebook(cells=[graded_cell(), cell])
    assert hidden.without_traces(notebook) == notebook


def test_every_labs_hidden_tests_are_known_as_such() -> None:
    for path in sorted(ROOT.glob("solutions/*/*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if "HIDDEN TESTS" in cell.source:
                cell.outputs = [new_output("stream", name="stdout", text=cell.source)]
        shown = json.dumps([cell.get("outputs") for cell in hidden.without_traces(notebook).cells])
        assert "also_on" not in shown, path


def test_what_would_be_carried_on_is_cut_and_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.ipynb"
    picture = {"a.png": {"image/png": "x" * (MOST_PICTURES + 1)}}
    cells = [
        {**new_markdown_cell("y" * MOST_TEXT), "attachments": picture},
        new_markdown_cell("z" * 10),
        new_code_cell("1"),
    ]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    notebook, said = read_submission(path)
    assert path.stat().st_size > 10 * len(nbformat.writes(notebook))
    assert [cell.source[:10] for cell in notebook.cells] == ["y" * 10, "z" * 10, "1"]
    assert said[:2] == [
        "The text cells have 5 million characters: they were cut.",
        "The pictures in text cells have 50 MB: they are left out.",
    ]


def test_a_large_notebook_of_another_name_is_known_by_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "final.ipynb"
    path.write_text(
        json.dumps({"cells": [{"source": ['lab = open_lab("lab3_network")\n']}, "x" * 21_000_000]})
    )
    assert lab_of(path) == "lab3_network"


def test_folders_in_folders_in_folders_are_not_followed_for_ever(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(300):
        deep = deep / "a"
    deep.mkdir(parents=True)
    (deep / "lab3_network.ipynb").touch()
    (tmp_path / "lab3_network.ipynb").touch()
    assert places._files(tmp_path) == [tmp_path / "lab3_network.ipynb"]
