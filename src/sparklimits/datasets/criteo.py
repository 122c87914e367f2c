"""Criteo's own files (label, 13 numbers, 26 categories, between tabs), read and written.

The format is that of the Kaggle challenge of 2014 and of the terabyte logs
(https://ailab.criteo.com/ressources/): one line for each impression, no header, empty where a value is missing.
"""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path
from typing import IO

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from sparklimits.datasets.clicks import CATEGORIES, COLUMNS, LABEL, NUMBERS, SCHEMA
from sparklimits.errors import DataError
from sparklimits.machine import messages


def load(path: Path) -> pd.DataFrame:
    """The clicks in a file, plain or ``.gz``, with the columns of :data:`sparklimits.datasets.clicks.COLUMNS`.

    Raises:
        DataError: no such file, an archive that is cut off, or a bad line, named with its number and reason.
    """
    if not path.is_file():
        raise DataError(messages.tell("clicks_missing", path=path))
    if not path.stat().st_size:
        raise DataError(messages.tell("data_empty", name=path.name))
    try:
        with _opened(path) as file:
            table = csv.read_csv(
                file,
                csv.ReadOptions(column_names=list(COLUMNS)),
                csv.ParseOptions(delimiter="\t", quote_char=False, ignore_empty_lines=False),
                csv.ConvertOptions(column_types=SCHEMA, null_values=[""], strings_can_be_null=True),
            )
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(messages.tell("data_damaged", name=path.name, reason=error)) from error
    except pa.ArrowInvalid as error:
        raise DataError(_first_trouble(path) or f"{path.name} could not be read: {error}.") from error
    clicks = table.to_pandas(strings_to_categorical=True)
    values = clicks[LABEL]
    if values.isna().any() or not values.isin((0, 1)).all() or (trouble := _bad_category(clicks)):
        raise DataError(
            _first_trouble(path) or f"{path.name}: {trouble} holds something else than hexadecimal digits."
        )
    whole: dict[str, str] = {LABEL: "int8", **dict.fromkeys(NUMBERS, "Int32")}
    return clicks.astype(whole)


def write(clicks: pd.DataFrame, path: Path) -> Path:
    """Writes the clicks in Criteo's format, packed when the name ends in ``.gz``, and returns the path."""
    clicks[list(COLUMNS)].to_csv(path, sep="\t", header=False, index=False)
    return path


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb")  # type: ignore[return-value]


def _bad_category(clicks: pd.DataFrame) -> str:
    for name in CATEGORIES:
        if not all(_HEXADECIMAL.fullmatch(text) for text in clicks[name].cat.categories):
            return name
    return ""


_HEXADECIMAL = re.compile(r"[0-9a-f]{1,16}")


def _first_trouble(path: Path) -> str:
    """The first bad line and what is wrong with it, as a reader would say it; empty when nothing is."""
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            if reason := _wrong_with(line):
                return messages.tell("data_line", name=path.name, line=number, reason=reason)
    return ""


def _wrong_with(line: bytes) -> str:
    try:
        fields = line.decode().rstrip("\r\n").split("\t")
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1} of the line is not UTF-8 text"
    if len(fields) != len(COLUMNS):
        return f"{len(COLUMNS)} fields with tabs between them are expected, not {len(fields)}"
    for name, text in zip(COLUMNS, fields, strict=True):
        if name == LABEL and text not in ("0", "1"):
            return f"the label is {text!r}, not 0 or 1"
        if name in NUMBERS and text and not re.fullmatch(r"-?\d{1,9}", text):
            return f"{name}: {text!r} is not a whole number of at most nine digits"
        if name in CATEGORIES and text and not _HEXADECIMAL.fullmatch(text):
            return f"{name}: {text!r} is not made of hexadecimal digits"
    return ""
