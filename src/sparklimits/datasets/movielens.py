"""The real MovieLens ratings (https://grouplens.org/datasets/movielens/), read from a folder or downloaded.

Harper and Konstan, "The MovieLens Datasets: History and Context", ACM TiiS 5(4), 2015. Most releases may not be
redistributed, so none is part of this repository; `datasets/movielens/README.md` has the terms.
"""

from __future__ import annotations

import hashlib
import http.client
import shutil
import tempfile
import urllib.request
import zipfile
from pathlib import Path
from typing import NoReturn

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from sparklimits.errors import DataError
from sparklimits.machine import messages

PUBLISHER = "https://files.grouplens.org/datasets/movielens"
#: Releases whose format the loader knows.
RELEASES = ("ml-latest-small", "ml-latest", "ml-100k", "ml-1m", "ml-10m", "ml-20m", "ml-25m", "ml-32m")
#: File name in a release: separator, whether a header line names the columns.
_FORMATS = {"ratings.csv": (",", True), "ratings.dat": ("::", False), "u.data": ("\t", False)}
#: The publisher's name of a column: ours, its type.
_COLUMNS = {
    "userId": ("user_id", pa.int32()),
    "movieId": ("item_id", pa.int32()),
    "rating": ("rating", pa.float32()),
    "timestamp": ("ts", pa.int64()),
}
_LOWEST, _HIGHEST = 0.5, 5.0


def load(folder: Path) -> pd.DataFrame:
    """The ratings in a MovieLens folder: ``user_id``, ``item_id``, ``rating``, ``ts`` (seconds).

    Raises:
        DataError: no ratings file, a missing column, or a bad row, named with its line number and reason.
    """
    for name, (separator, header) in _FORMATS.items():
        if (path := folder / name).is_file():
            return _read(path, separator, header)
    raise DataError(messages.tell("ratings_missing", folder=folder, names=", ".join(_FORMATS)))


def download(release: str, folder: Path, publisher: str = PUBLISHER) -> Path:
    """Downloads a release into ``folder`` and returns the folder with its files.

    The archive is compared with the MD5 sum that the publisher keeps beside it; a release that is there
    already is not downloaded again. Nothing is left behind when it fails.

    Raises:
        DataError: an unknown release, no connection, or a file that is not the publisher's.
    """
    if release not in RELEASES:
        raise DataError(f"{release!r} is no MovieLens release this loader knows: {', '.join(RELEASES)}.")
    target = folder / release
    if any((target / name).is_file() for name in _FORMATS):
        return target
    if target.exists():
        raise DataError(messages.tell("data_in_the_way", folder=target))
    url = f"{publisher}/{release}.zip"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as place:
            archive = Path(place) / f"{release}.zip"
            with urllib.request.urlopen(f"{url}.md5", timeout=30) as answer:
                expected = _md5_in(answer.read().decode("ascii", "replace"))
            with urllib.request.urlopen(url, timeout=30) as answer, open(archive, "wb") as file:
                shutil.copyfileobj(answer, file)
            with open(archive, "rb") as file:
                found = hashlib.file_digest(file, "md5").hexdigest()
            if found != expected:
                reason = f"its MD5 sum is {found}, and its publisher states {expected}"
                raise DataError(messages.tell("data_damaged", name=archive.name, reason=reason))
            _unpacked(archive).rename(target)
    except (OSError, http.client.HTTPException) as error:
        raise DataError(
            messages.tell("data_not_downloaded", address=url, folder=folder, reason=error, target=target)
        ) from error
    return target


def _unpacked(archive: Path) -> Path:
    """The folder with the ratings, out of the archive (not every release names it after itself)."""
    content = archive.parent / "content"
    try:
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(content)
    except zipfile.BadZipFile as error:
        reason = f"it is not a zip archive: {error}"
        raise DataError(messages.tell("data_damaged", name=archive.name, reason=reason)) from error
    for name in _FORMATS:
        for path in sorted(content.rglob(name)):
            return path.parent
    reason = f"none of {', '.join(_FORMATS)} is in it"
    raise DataError(messages.tell("data_damaged", name=archive.name, reason=reason))


def _md5_in(text: str) -> str:
    # The publisher writes either "<sum>  <file>" or "MD5 (<file>) = <sum>".
    for word in text.split():
        if len(word) == 32 and all(letter in "0123456789abcdef" for letter in word.lower()):
            return word.lower()
    raise DataError("The publisher's checksum file holds no MD5 sum: unpack the release by hand.")


def _read(path: Path, separator: str, header: bool) -> pd.DataFrame:
    """Reads the whole file at once; only where that fails, line by line, to say what is wrong with it."""
    if not path.stat().st_size:
        raise DataError(messages.tell("data_empty", name=path.name))
    names = _header(path, separator) if header else list(_COLUMNS)
    # Arrow splits at single characters: "::" stands around an empty field, which must be empty.
    gaps = [f"gap {number}" for number in range(len(names) - 1)] if separator == "::" else []
    fields = (
        [field for pair in zip(names, [*gaps, ""], strict=True) for field in pair][:-1] if gaps else names
    )
    types = {name: kind for name, (_, kind) in _COLUMNS.items()}
    try:
        table = csv.read_csv(
            path,
            csv.ReadOptions(column_names=fields, skip_rows=int(header)),
            csv.ParseOptions(delimiter=separator[0], quote_char=False, ignore_empty_lines=False),
            csv.ConvertOptions(
                column_types={**types, **dict.fromkeys(gaps, pa.null())},
                include_columns=[*types, *gaps],
                null_values=[""],
            ),
        )
    except pa.ArrowInvalid as error:
        _refuse(path, separator, names, header, str(error))
    if not len(table):
        raise DataError(messages.tell("data_empty", name=path.name))
    frame = table.select(list(types)).rename_columns([name for name, _ in _COLUMNS.values()]).to_pandas()
    missing = frame.isna().any(axis=None)
    if missing or not frame["rating"].between(_LOWEST, _HIGHEST).all() or not _ends_with_a_line(path):
        _refuse(path, separator, names, header, "a value is missing or out of range")
    return frame


def _header(path: Path, separator: str) -> list[str]:
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        line = file.readline()
    names = line.rstrip("\r\n").split(separator)
    for name in _COLUMNS:
        if names.count(name) != 1:
            problem = "no column" if name not in names else "more than one column"
            reason = f"{problem} {name}; found {', '.join(names)}"
            raise DataError(messages.tell("data_line", name=path.name, line=1, reason=reason))
    return names


def _ends_with_a_line(path: Path) -> bool:
    with open(path, "rb") as file:
        file.seek(-1, 2)
        return file.read() == b"\n"


def _refuse(path: Path, separator: str, names: list[str], header: bool, otherwise: str) -> NoReturn:
    """Names the first bad line of a file that could not be read, and what is wrong with it."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            reason = "" if header and number == 1 else _wrong_with(line, separator, names)
            if not line.endswith(b"\n"):
                reason = f"{reason}; the file is cut off there".removeprefix("; ")
            if reason:
                raise DataError(messages.tell("data_line", name=path.name, line=number, reason=reason))
    raise DataError(f"{path.name} could not be read: {otherwise}.")


def _wrong_with(line: bytes, separator: str, names: list[str]) -> str:
    """What is wrong with a line, as a reader would say it; empty when nothing is."""
    try:
        values = line.decode().rstrip("\r\n").split(separator)
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1} of the line is not UTF-8 text"
    if len(values) != len(names):
        return f"{len(names)} fields are expected with {separator!r} between them, not {len(values)}"
    row = dict(zip(names, values, strict=True))
    for name, (_, kind) in _COLUMNS.items():
        value = row[name]
        if not value:
            return f"{name} is missing"
        try:
            number = pa.scalar(float(value) if name == "rating" else int(value), kind).as_py()
        except (OverflowError, pa.ArrowInvalid):
            return f"{name}: {value} is too large"
        except ValueError:
            wanted = "number" if name == "rating" else "whole number"
            return f"{name}: {value!r} is not a {wanted}"
        if name == "rating" and not _LOWEST <= number <= _HIGHEST:
            return f"rating {value} is not between {_LOWEST} and {_HIGHEST:g}"
    return ""
