"""Reads a notebook in whatever state its file was handed in. What cannot be read gets one sentence."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

from sparklimits.errors import SubmissionError
from sparklimits.machine import messages

#: A larger file is not read. Outputs are dropped while it is parsed, so that memory follows the text of the cells.
MOST_BYTES = 500_000_000
#: Outputs above this are worth a word.
_MANY_BYTES = 10_000_000
#: More cells, or characters of code, are no answer to a lab, and could keep whoever grades for hours.
MOST_CELLS, MOST_CODE = 1_000, 1_000_000
#: Characters of all text cells together, and of the pictures pasted into them, that are kept.
MOST_TEXT, MOST_PICTURES = 5_000_000, 50_000_000
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_NEW = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}


def read_submission(path: Path) -> tuple[NotebookNode, list[str]]:
    """The notebook in the current format, without outputs, and what was odd about its file: a sentence each.

    Raises:
        SubmissionError: no such file, or no notebook can be made of it; the message says what it is instead.
    """
    name = path.name
    if not path.is_file():
        raise SubmissionError(messages.tell("file_missing", path=path))
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            told = messages.tell("file_too_long", name=name, megabytes=size / 1e6, most=MOST_BYTES / 1e6)
            raise SubmissionError(told)
        raw = path.read_bytes()
    except OSError as error:
        raise SubmissionError(messages.tell("file_unreadable", path=path, reason=error.strerror)) from error
    said: list[str] = []
    content = _parsed(_text(raw, name, said), name, said)
    notebook = _notebook(content, name, said)
    if size > _MANY_BYTES:
        said.append(f"The file has {size / 1e6:,.0f} MB: its outputs are left out.")
    return notebook, said


def _text(raw: bytes, name: str, said: list[str]) -> str:
    if not raw.strip(b"\0 \t\r\n"):
        raise SubmissionError(messages.tell("file_empty", name=name))
    if raw.startswith(b"PK\x03\x04"):
        raise SubmissionError(messages.tell("file_zip", name=name))
    encoding = json.detect_encoding(raw)
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        said.append("The file is not in UTF-8: it was read as Windows-1252.")
        return raw.decode("cp1252", "replace")
    if not encoding.startswith("utf-8"):
        said.append(f"The file was in {encoding.upper()}: it was converted.")
    elif encoding == "utf-8-sig":
        said.append("The file began with a byte order mark: it was removed.")
    return text.removeprefix("\ufeff")


def _parsed(text: str, name: str, said: list[str]) -> Any:
    text = text.lstrip()
    try:
        content, end = json.JSONDecoder(object_pairs_hook=_without_outputs, strict=False).raw_decode(text)
    except RecursionError as error:
        raise SubmissionError(_no_notebook(name, "it is nested too deeply")) from error
    except json.JSONDecodeError as error:
        raise SubmissionError(_no_json(text, error, name)) from error
    except ValueError as error:  # a number of thousands of digits
        raise SubmissionError(_no_notebook(name, f"it cannot be read ({error})".split(";")[0])) from error
    if text[end:].strip("\0 \t\r\n"):
        said.append("Something followed the end of the notebook in the file: it is left out.")
    # JSON that was packed into JSON once more.
    if isinstance(content, str) and content.lstrip().startswith("{"):
        return _parsed(content, name, said)
    return content


def _without_outputs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A parsed object; of a cell, what it printed is dropped before the next one is read."""
    found = dict(pairs)
    if "cell_type" in found and found.get("outputs"):
        found["outputs"] = []
    return found


def _no_json(text: str, error: json.JSONDecodeError, name: str) -> str:
    if re.search(r"^(<{7}|>{7}) ", text, re.MULTILINE):
        return messages.tell("file_merge", name=name)
    if text.startswith("<"):
        return messages.tell("file_web_page", name=name)
    if not text.startswith("{"):
        return _no_notebook(name, f"it begins with {text[:20]!r}")
    if "Unterminated" in error.msg or not text[error.pos :].strip():
        return messages.tell("file_cut", name=name)
    return messages.tell("file_damaged", name=name, line=error.lineno, reason=error.msg)


def _no_notebook(name: str, reason: str) -> str:
    return messages.tell("file_no_notebook", name=name, reason=reason)


def _notebook(content: Any, name: str, said: list[str]) -> NotebookNode:
    if isinstance(content, dict) and isinstance(content.get("content"), dict):
        content = content["content"]  # as Jupyter's server sends it
    if not isinstance(content, dict) or not isinstance(content.get("cells", content.get("worksheets")), list):
        raise SubmissionError(_no_notebook(name, "it has no list of cells"))
    if "cells" not in content:
        said.append(f"The notebook was in format {content.get('nbformat', 3)}: it was converted.")
        try:
            content = nbformat.convert(nbformat.from_dict(content), 4)
        except Exception as error:  # a different error for each way of being broken
            raise SubmissionError(messages.tell("file_old", name=name)) from error
    _refuse_too_much(content["cells"], name)
    metadata = content.get("metadata")
    notebook = new_notebook()
    notebook.metadata = nbformat.from_dict(metadata if isinstance(metadata, dict) else {})
    taken: set[str] = set()
    doubled = False
    for raw in content["cells"]:
        if isinstance(raw, dict):
            cell = _cell(raw)
            given = raw.get("id")
            if isinstance(given, str) and _ID.fullmatch(given):
                doubled |= given in taken
                if given not in taken:
                    cell.id = given
            taken.add(cell.id)
            notebook.cells.append(cell)
    _leave_out(notebook.cells, said)
    if doubled:
        said.append("Several cells had the same id: they got new ones.")
    return notebook


def _refuse_too_much(cells: list[Any], name: str) -> None:
    code = sum(
        len(text)
        for cell in cells
        if isinstance(cell, dict) and cell.get("cell_type") == "code"
        for text in (cell.get("source") or ())
        if isinstance(text, str)
    )
    if len(cells) > MOST_CELLS or code > MOST_CODE:
        told = messages.tell("file_too_much", name=name, cells=len(cells), characters=code)
        raise SubmissionError(told)


def _leave_out(cells: list[NotebookNode], said: list[str]) -> None:
    """Cuts what would be carried into the graded notebook, and from there into the gradebook and the feedback."""
    texts = [cell for cell in cells if cell.cell_type != "code"]
    if (size := sum(len(cell.source) for cell in texts)) > MOST_TEXT:
        for cell in texts:
            cell.source = cell.source[: MOST_TEXT // len(texts)]
        said.append(f"The text cells have {size / 1e6:,.0f} million characters: they were cut.")
    if (size := sum(len(json.dumps(cell.get("attachments", {}))) for cell in texts)) > MOST_PICTURES:
        for cell in texts:
            cell.pop("attachments", None)
        said.append(f"The pictures in text cells have {size / 1e6:,.0f} MB: they are left out.")


def _cell(raw: dict[str, Any]) -> NotebookNode:
    kind = raw.get("cell_type")
    source = raw.get("source", "")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    source = source if isinstance(source, str) else ""
    # Halves of a surrogate pair are JSON, and no text.
    source = source.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    cell = _NEW[kind if kind in _NEW else "markdown"](source.replace("\r\n", "\n").replace("\r", "\n"))
    metadata = raw.get("metadata")
    cell.metadata = nbformat.from_dict(metadata if isinstance(metadata, dict) else {})
    attachments = raw.get("attachments")
    if cell.cell_type != "code" and isinstance(attachments, dict):
        cell.attachments = nbformat.from_dict(attachments)
    return cell
