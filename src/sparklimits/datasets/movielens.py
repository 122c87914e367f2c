"""The real MovieLens ratings (https://grouplens.org/datasets/movielens/), read from a folder or downloaded.

Harper and Konstan, "The MovieLens Datasets: History and Context", ACM TiiS 5(4), 2015. The files may not be
redistributed, so none is part of this repository.
"""

from __future__ import annotations

import hashlib
import shutil
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pandas as pd

from sparklimits.errors import DataError

PUBLISHER = "https://files.grouplens.org/datasets/movielens"
#: Releases whose format the loader knows.
RELEASES = ("ml-latest-small", "ml-latest", "ml-100k", "ml-1m", "ml-10m", "ml-20m", "ml-25m", "ml-32m")
_COLUMNS = ["user_id", "item_id", "rating", "ts"]
#: File name in a release: separator, whether a header line names the columns.
_FORMATS = {"ratings.csv": (",", True), "ratings.dat": ("::", False), "u.data": ("\t", False)}
_HEADER = ["userId", "movieId", "rating", "timestamp"]


def load(folder: Path) -> pd.DataFrame:
    """The ratings in a MovieLens folder: ``user_id``, ``item_id``, ``rating``, ``ts`` (seconds).

    Raises:
        DataError: no ratings file, a missing column, or a bad row, named with its line number and reason.
    """
    for name, (separator, header) in _FORMATS.items():
        if (path := folder / name).is_file():
            return _read(path, separator, header)
    raise DataError(
        f"No MovieLens ratings in {folder}: expected one of {', '.join(_FORMATS)}. Unpack a release from "
        "https://grouplens.org/datasets/movielens/ there, or let `datasets/movielens/prepare.py` download it."
    )


def download(release: str, folder: Path, publisher: str = PUBLISHER) -> Path:
    """Downloads a release into ``folder`` and returns the folder with its files.

    The archive is compared with the MD5 sum that the publisher keeps beside it; a release that is there
    already is not downloaded again.

    Raises:
        DataError: an unknown release, no connection, or a file that is not the publisher's.
    """
    if release not in RELEASES:
        raise DataError(f"{release!r} is no MovieLens release this loader knows: {', '.join(RELEASES)}.")
    target = folder / release
    if any((target / name).is_file() for name in _FORMATS):
        return target
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"{release}.zip"
    url = f"{publisher}/{release}.zip"
    try:
        with urllib.request.urlopen(f"{url}.md5", timeout=30) as answer:
            expected = _md5_in(answer.read().decode("ascii", "replace"))
        with urllib.request.urlopen(url, timeout=30) as answer, open(archive, "wb") as file:
            shutil.copyfileobj(answer, file)
    except (urllib.error.URLError, OSError) as error:
        archive.unlink(missing_ok=True)
        raise DataError(
            f"{url} could not be downloaded ({error}). Download it on another machine and unpack it into {folder}."
        ) from error
    with open(archive, "rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    if found != expected:
        archive.unlink()
        raise DataError(
            f"{archive.name} has the MD5 sum {found}, its publisher states {expected}: download it again."
        )
    try:
        with zipfile.ZipFile(archive) as content:
            content.extractall(folder)
    except zipfile.BadZipFile as error:
        raise DataError(f"{archive.name} is not a zip archive ({error}): download it again.") from error
    finally:
        archive.unlink()
    return target


def _md5_in(text: str) -> str:
    # The publisher writes either "<sum>  <file>" or "MD5 (<file>) = <sum>".
    for word in text.split():
        if len(word) == 32 and all(letter in "0123456789abcdef" for letter in word.lower()):
            return word.lower()
    raise DataError("The publisher's checksum file holds no MD5 sum: unpack the release by hand.")


def _read(path: Path, separator: str, header: bool) -> pd.DataFrame:
    first = 2 if header else 1
    with open(path, encoding="utf-8", errors="replace") as file:
        head = file.readline().rstrip("\r\n").split(separator)
    if header:
        missing = [name for name in _HEADER if name not in head]
        if missing:
            raise DataError(f"{path.name}, line 1: no column {', '.join(missing)}; found {', '.join(head)}.")
    names = head if header else _HEADER
    try:
        table = pd.read_csv(
            path,
            sep=separator,
            engine="c" if len(separator) == 1 else "python",
            names=names,
            skiprows=1 if header else 0,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
        )
    except pd.errors.ParserError as error:
        raise DataError(
            f"{path.name}: {str(error).strip().removeprefix('Error tokenizing data. C error: ')}"
        ) from error
    if table.empty:
        raise DataError(f"{path.name} holds no ratings: the file is cut off. Download it again.")
    columns = {}
    for name, column in zip(_HEADER, _COLUMNS, strict=True):
        numbers = pd.to_numeric(table[name], errors="coerce")
        if numbers.isna().any():
            row = int(numbers.isna().to_numpy().argmax())
            value = table[name].iloc[row]
            reason = f"{value!r} is not a number" if isinstance(value, str) and value else "it is missing"
            cut = " The file is cut off there." if row == len(table) - 1 else ""
            raise DataError(f"{path.name}, line {row + first}: {name}: {reason}.{cut}")
        columns[column] = numbers
    bad = ~columns["rating"].between(0.5, 5.0)
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise DataError(
            f"{path.name}, line {row + first}: rating {columns['rating'].iloc[row]} is not between 0.5 and 5."
        )
    types = {"user_id": "int32", "item_id": "int32", "rating": "float32", "ts": "int64"}
    return pd.DataFrame(columns).astype(types)
