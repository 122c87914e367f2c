"""Generated and real ratings: the skew that was chosen, and every bad file refused with its line and reason."""

import hashlib
import importlib.util
import io
import os
import socket
import threading
import time
import zipfile
from dataclasses import replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from sparklimits.datasets import card, movielens
from sparklimits.datasets.ratings import (
    CALIBRATED,
    MOVIELENS_LIKE,
    SCHEMA,
    RatingsSpec,
    calibrated,
    generate,
    measured_skew,
    write_parquet,
)
from sparklimits.errors import DataError

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("SPARKLIMITS_MOVIELENS", ROOT.parent / "shared" / "data" / "ml-latest-small"))
SPARSE = RatingsSpec(ratings=60_000, users=8_000, items=4_000, top_users=0.06, top_items=0.10)
TYPES = {"user_id": "int32", "item_id": "int32", "rating": "float32", "ts": "int64"}
HEADER = "userId,movieId,rating,timestamp\n"


@cache
def program(name):
    """datasets/<name>/prepare.py as a module."""
    path = ROOT / "datasets" / name / "prepare.py"
    spec = importlib.util.spec_from_file_location(f"prepare_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# The generator


def test_the_seed_decides_the_table():
    first = generate(SPARSE, 3)
    pd.testing.assert_frame_equal(first, generate(SPARSE, 3))
    other = generate(SPARSE, 4)
    pairs = [set(zip(table["user_id"], table["item_id"], strict=True)) for table in (first, other)]
    assert len(pairs[0] & pairs[1]) < 0.1 * len(pairs[0])


@pytest.mark.parametrize(
    "spec", [SPARSE, MOVIELENS_LIKE, replace(SPARSE, hot_users=(0.5, 0.3), hot_items=(0.9,))]
)
def test_schema_ranges_and_one_rating_for_each_user_and_item(spec):
    ratings = generate(spec, 5)
    assert ratings.dtypes.astype(str).to_dict() == TYPES
    assert not ratings.isna().any(axis=None)
    assert not ratings.duplicated(["user_id", "item_id"]).any()
    assert ratings["user_id"].between(0, spec.users - 1).all()
    assert ratings["item_id"].between(0, spec.items - 1).all()
    assert set(ratings["rating"].unique() * 2) == set(range(1, 11))
    seconds = ratings["ts"] - 1_600_000_000
    assert seconds.between(0, spec.days * 86_400).all()
    assert seconds.max() > 0.99 * spec.days * 86_400


def test_rows_are_in_random_order_and_numbers_say_nothing():
    ratings = generate(SPARSE, 6)
    half = len(ratings) // 2
    for column in ("user_id", "item_id", "ts"):
        assert ratings[column][:half].mean() == pytest.approx(ratings[column][half:].mean(), rel=0.05)
    for column in ("user_id", "item_id"):
        neighbours_alike = (ratings[column].diff() == 0).mean()
        assert neighbours_alike < 0.02
    busiest = ratings["user_id"].value_counts().index[:80]
    assert SPARSE.users * 0.35 < np.mean(busiest) < SPARSE.users * 0.65


@pytest.mark.parametrize(("top_users", "top_items"), [(0.06, 0.10), (0.15, 0.05), (0.03, 0.20)])
def test_a_calibrated_table_has_the_chosen_size_and_skew(top_users, top_items):
    wanted = replace(SPARSE, top_users=top_users, top_items=top_items)
    spec = calibrated(wanted, 1)
    same, other = measured_skew(generate(spec, 1)), measured_skew(generate(spec, 2))
    for name in ("ratings", "top_users", "top_items"):
        assert same[name] == pytest.approx(getattr(wanted, name), rel=CALIBRATED)
        assert other[name] == pytest.approx(getattr(wanted, name), rel=2 * CALIBRATED)
    assert same["users"] > 0.98 * wanted.users


def test_what_saturates_is_less_skewed_than_its_draws_until_it_is_calibrated():
    dense = RatingsSpec(ratings=50_000, users=2_000, items=1_000, top_users=0.1, top_items=0.15)
    assert measured_skew(generate(dense, 1))["top_items"] < 0.12
    assert measured_skew(generate(calibrated(dense, 1), 1))["top_items"] == pytest.approx(
        0.15, rel=CALIBRATED
    )


def test_a_skew_that_cannot_be_reached_is_refused_with_what_came_out():
    with pytest.raises(ValueError, match=r"nobody rates an item twice: .*top_items 0\.5 came out as 0\.2"):
        calibrated(RatingsSpec(50_000, 2_000, 1_000, top_users=0.05, top_items=0.5), 1)


def test_hot_keys_are_planted():
    spec = replace(SPARSE, hot_users=(0.6, 0.4), hot_items=(0.9, 0.5))
    ratings = generate(spec, 7)
    users, items = ratings["user_id"].value_counts(), ratings["item_id"].value_counts()
    # An account's random choice comes on top of the few items that it, a nobody, and the hot items gave it.
    assert users.iloc[:2].tolist() == pytest.approx([0.6 * spec.items, 0.4 * spec.items], rel=0.01)
    assert items.iloc[:2].tolist() == pytest.approx([0.9 * spec.users, 0.5 * spec.users], rel=0.01)
    assert users.iloc[2] < 0.3 * spec.items
    assert items.iloc[2] < 0.3 * spec.users


def test_scale_multiplies_ratings_and_keeps_the_skew():
    small, large = (measured_skew(generate(SPARSE.scaled(scale), 8)) for scale in (1, 4))
    assert large["ratings"] == pytest.approx(4 * small["ratings"], rel=0.03)
    assert large["users"] == pytest.approx(4 * small["users"], rel=0.03)
    assert large["items"] == pytest.approx(2 * small["items"], rel=0.03)
    assert large["top_users"] == pytest.approx(small["top_users"], rel=0.1)
    assert large["top_items"] == pytest.approx(small["top_items"], rel=0.1)


def test_items_of_one_taste_are_rated_together_more_often_than_chance():
    """Pairs that one half of the users like together, the other half does too; not so without tastes."""

    def lift_in_the_other_half(groups):
        spec = RatingsSpec(80_000, 4_000, 400, top_users=0.02, top_items=0.03, groups=groups)
        ratings = generate(spec, 9)
        rated = np.zeros((spec.users, spec.items))
        rated[ratings["user_id"], ratings["item_id"]] = 1
        upper = np.triu_indices(spec.items, 1)
        lifts = []
        for half in (rated[::2], rated[1::2]):
            share = half.mean(axis=0)
            lifts.append(((half.T @ half / len(half)) / np.outer(share, share))[upper])
        together = lifts[0] >= np.quantile(lifts[0], 1 - 1 / 12)
        return lifts[1][together].mean() / lifts[1].mean()

    assert lift_in_the_other_half(groups=12) > 1.5
    assert lift_in_the_other_half(groups=1) == pytest.approx(1.0, abs=0.1)


def test_ratings_are_higher_where_the_taste_is_shared():
    """With tastes an item's raters come from its group, or not: their ratings differ more than without."""
    spreads = []
    for groups in (2, 1):
        ratings = generate(RatingsSpec(80_000, 4_000, 400, 0.02, 0.03, groups=groups), 10)
        spreads.append(ratings["rating"].var())
    assert spreads[0] > spreads[1] + 0.02


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"users": 0}, "users must be more than 0, not 0"),
        ({"days": -1.0}, "days must be more than 0"),
        ({"flat_head": -0.1}, "flat_head must be 0 or more"),
        ({"ratings": 32_000_001}, "32000000 ratings at most"),
        ({"hot_users": (1.2,)}, "hot_users: 1.2 is no share"),
        ({"hot_items": (0.5,) * 4_000}, "hot_items: 4000 hot keys do not fit in 4000"),
        ({"top_users": 0.01}, r"the top 1 % of 8000 keys must own between 0\.010 and 1, not 0\.01"),
        ({"top_items": 1.0}, "and 1, not 1.0"),
        ({"flat_head": 5.0, "top_items": 0.9}, r"no power law with flat_head 5\.0"),
    ],
)
def test_an_impossible_specification_is_refused(change, reason):
    with pytest.raises(ValueError, match=reason):
        generate(replace(SPARSE, **change), 1)


def test_parquet_gives_back_the_same_table_in_several_files(tmp_path):
    ratings = generate(SPARSE, 11)
    folder = write_parquet(ratings, tmp_path / "new" / "ratings", files=5)
    assert len(list(folder.iterdir())) == 5
    table = pq.read_table(folder)
    assert table.schema.remove_metadata() == SCHEMA
    pd.testing.assert_frame_equal(table.to_pandas(), ratings)
    sizes = [pq.read_metadata(path).num_rows for path in folder.iterdir()]
    assert max(sizes) - min(sizes) <= 1
    with pytest.raises(FileExistsError):
        write_parquet(ratings, folder)


def test_measured_skew_of_a_table_counted_by_hand():
    # User 1 rates 3 items (3 pairs), user 2 rates 2 (1 pair), user 3 rates 1 (none); item 7 has 3 of 6 ratings.
    ratings = pd.DataFrame({"user_id": [1, 1, 1, 2, 2, 3], "item_id": [7, 8, 9, 7, 8, 7]})
    assert measured_skew(ratings) == {
        "ratings": 6,
        "users": 3,
        "items": 3,
        "top_users": 0.5,
        "top_items": 0.5,
        "top_user_pairs": 0.75,
        "heaviest_user": 3,
        "hottest_item": 1.0,
    }


def test_one_per_cent_is_of_the_keys_that_occur():
    users = np.repeat(np.arange(200), 1)
    ratings = pd.DataFrame(
        {"user_id": np.concatenate([users, [5] * 50, [6] * 30]), "item_id": np.arange(280)}
    )
    assert measured_skew(ratings)["top_users"] == pytest.approx((51 + 31) / 280)
    assert measured_skew(ratings.drop_duplicates("user_id"))["top_user_pairs"] == 0.0


# The real files


def lines(name, *rows):
    return {name: "".join(row + "\n" for row in rows)}


def put(folder, files):
    for name, text in files.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


@pytest.mark.parametrize(
    "files",
    [
        {"ratings.csv": HEADER + "1,31,2.5,1260759144\n7,2147483647,5.0,851868750\n"},
        {"ratings.csv": (HEADER + "1,31,2.5,1260759144\n7,2147483647,5,851868750\n").replace("\n", "\r\n")},
        {
            "ratings.csv": "timestamp,note,rating,movieId,userId\n"
            "1260759144,x,2.5,31,1\n851868750,,5,2147483647,7\n"
        },
        {
            "ratings.csv": b"\xef\xbb\xbf"
            + (HEADER + "1,31,2.5,1260759144\n7,2147483647,5,851868750\n").encode()
        },
        lines("ratings.dat", "1::31::2.5::1260759144", "7::2147483647::5::851868750"),
        lines("u.data", "1\t31\t2.5\t1260759144", "7\t2147483647\t5\t851868750"),
    ],
    ids=["latest-small", "Windows line ends", "columns in another order", "byte order mark", "1m", "100k"],
)
def test_every_format_is_read(tmp_path, files):
    expected = pd.DataFrame(
        {
            "user_id": [1, 7],
            "item_id": [31, 2**31 - 1],
            "rating": [2.5, 5.0],
            "ts": [1260759144, 851868750],
        }
    ).astype(TYPES)
    pd.testing.assert_frame_equal(movielens.load(put(tmp_path, files)), expected)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,2,3.5", "4 fields are expected with ',' between them, not 3."),
        ("1,2,3.5,100,7", "4 fields are expected with ',' between them, not 5."),
        ("", "4 fields are expected with ',' between them, not 1."),
        ("1,,3.5,100", "movieId is missing."),
        ("1,2,,100", "rating is missing."),
        ("1,2,good,100", "rating: 'good' is not a number."),
        ("u1,2,3.5,100", "userId: 'u1' is not a whole number."),
        ('"1",2,3.5,100', "userId: '\"1\"' is not a whole number."),
        ("1.5,2,3.5,100", "userId: '1.5' is not a whole number."),
        ("1,2,3.5,100.5", "timestamp: '100.5' is not a whole number."),
        ("1,inf,3.5,100", "movieId: 'inf' is not a whole number."),
        ("1,2147483648,3.5,100", "movieId: 2147483648 is too large."),
        ("1,2,3.5,99999999999999999999", "timestamp: 99999999999999999999 is too large."),
        ("1,2,0,100", "rating 0 is not between 0.5 and 5."),
        ("1,2,5.5,100", "rating 5.5 is not between 0.5 and 5."),
        ("1,2,-3,100", "rating -3 is not between 0.5 and 5."),
        ("1,2,nan,100", "rating nan is not between 0.5 and 5."),
        (b"1,2,3\xff,100", "byte 6 of the line is not UTF-8 text."),
    ],
)
@pytest.mark.parametrize("where", ["first", "middle", "last"])
@pytest.mark.shows("data_line")
def test_a_bad_row_is_refused_with_its_line_and_the_reason(tmp_path, line, reason, where):
    good = [b"1,2,3.5,100\n"] * 400
    place = {"first": 0, "middle": 200, "last": 399}[where]
    good[place] = (line if isinstance(line, bytes) else line.encode()) + b"\n"
    put(tmp_path, {"ratings.csv": HEADER.encode() + b"".join(good)})
    with pytest.raises(DataError) as caught:
        movielens.load(tmp_path)
    assert (
        str(caught.value)
        == f"ratings.csv, line {place + 2}: {reason} Download it again, or correct that line."
    )


def test_the_first_of_two_bad_rows_is_named(tmp_path):
    put(tmp_path, {"ratings.csv": HEADER + "1,2,9,100\n1,2,3.5,100\nx,2,3,100\n"})
    with pytest.raises(DataError, match=r"line 2: rating 9 is not"):
        movielens.load(tmp_path)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (
            lines("ratings.dat", "1::2::3::4", "1::2::3"),
            "ratings.dat, line 2: 4 fields are expected with '::'",
        ),
        (lines("ratings.dat", "1::2::3::4::5"), "ratings.dat, line 1: 4 fields are expected with '::'"),
        (lines("ratings.dat", "1:2:3:4:5:6:7"), "ratings.dat, line 1: 4 fields are expected with '::'"),
        (lines("ratings.dat", "1,2,3,4"), "ratings.dat, line 1: 4 fields are expected with '::'"),
        (lines("ratings.dat", "1::2::3::x"), "ratings.dat, line 1: timestamp: 'x' is not a whole number"),
        ({"ratings.dat": b"1::\xe9::3::4\n"}, "ratings.dat, line 1: byte 4 of the line is not UTF-8 text"),
        ({"ratings.dat": ""}, "ratings.dat holds no data"),
        (lines("u.data", "1\t2\t3\t4", "1\t2\t3\t4\t5"), "u.data, line 2: 4 fields are expected with '\\t'"),
        (lines("u.data", "1\t2\t6\t4"), "u.data, line 1: rating 6 is not between"),
        ({"u.data": ""}, "u.data holds no data"),
    ],
)
def test_the_other_formats_are_checked_too(tmp_path, files, reason):
    with pytest.raises(DataError) as caught:
        movielens.load(put(tmp_path, files))
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "ratings.csv holds no data. Download it again."),
        (HEADER, "ratings.csv holds no data. Download it again."),
        (HEADER.rstrip(), "ratings.csv, line 1: the file is cut off there."),
        (
            "userId,movieId,rating\n1,2,3\n",
            "ratings.csv, line 1: no column timestamp; found userId, movieId, rating.",
        ),
        (
            "userId,userId,movieId,rating,timestamp\n1,1,2,3,4\n",
            "ratings.csv, line 1: more than one column userId; "
            "found userId, userId, movieId, rating, timestamp.",
        ),
    ],
)
@pytest.mark.shows("data_empty")
def test_a_file_without_header_or_rows_is_refused(tmp_path, text, reason):
    with pytest.raises(DataError) as caught:
        movielens.load(put(tmp_path, {"ratings.csv": text}))
    assert str(caught.value).startswith(reason)


def test_a_file_cut_off_anywhere_inside_its_last_line_is_refused(tmp_path):
    whole = HEADER + "1,2,3.5,100\n" * 50 + "610,170875,3.0,1493846415"
    for length in range(len(whole) - len("610,170875,3.0,1493846415") + 1, len(whole) + 1):
        with pytest.raises(DataError, match=r"ratings\.csv, line 52: .*the file is cut off there\."):
            movielens.load(put(tmp_path, {"ratings.csv": whole[:length]}))
    assert len(movielens.load(put(tmp_path, {"ratings.csv": whole + "\n"}))) == 51


@pytest.mark.shows("ratings_missing")
def test_a_folder_without_ratings_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"No MovieLens ratings in .*: expected one of ratings\.csv, "):
        movielens.load(tmp_path)


@pytest.mark.parametrize(("name", "separator"), [("ratings.csv", ","), ("ratings.dat", "::")])
def test_two_million_rows_are_read_in_seconds(tmp_path, name, separator):
    block = "".join(
        separator.join(("12345", str(item), "3.5", "1493846415")) + "\n" for item in range(20_000)
    )
    put(tmp_path, {name: (HEADER if name == "ratings.csv" else "") + block * 100})
    began = time.process_time()
    ratings = movielens.load(tmp_path)
    assert time.process_time() - began < 5.0
    assert len(ratings) == 2_000_000


@cache
def real_ratings():
    """The real file, which is not part of this repository."""
    if not (REAL / "ratings.csv").is_file():
        pytest.skip("needs MovieLens latest-small: set SPARKLIMITS_MOVIELENS to its folder")
    return movielens.load(REAL)


def test_the_real_file_is_what_its_publisher_says():
    ratings = real_ratings()
    assert ratings.dtypes.astype(str).to_dict() == TYPES
    assert (len(ratings), ratings["user_id"].nunique()) == (100_836, 610)
    assert ratings["user_id"].value_counts().min() == 20
    days = pd.to_datetime(ratings["ts"], unit="s").dt.date
    assert (str(days.min()), str(days.max())) == ("1996-03-29", "2018-09-24")
    assert not ratings.duplicated(["user_id", "item_id"]).any()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_movielens_preset_is_as_skewed_as_the_real_file(seed):
    """Against the figures of the card, so that it runs without the file too; margins as the card says."""
    real = real_figures()
    found = measured_skew(generate(MOVIELENS_LIKE, seed))
    margins = {"ratings": 0.05, "users": 0.01, "items": 0.05, "top_users": 0.05, "top_items": 0.05}
    # Not calibrated; the same order of size.
    margins |= {"top_user_pairs": 0.25, "heaviest_user": 0.15, "hottest_item": 0.3}
    for name, margin in margins.items():
        assert found[name] == pytest.approx(real[name], rel=margin), name


def real_figures():
    """The figures in the MovieLens card, read back from its table."""
    rows = card.read(ROOT / "datasets" / "movielens" / "README.md").splitlines()[2:]
    cells = [row.strip("|").split("|")[1].strip().replace(",", "") for row in rows]
    values = [float(cell.rstrip("%")) / (100 if cell.endswith("%") else 1) for cell in cells]
    return dict(zip(card.RATINGS, values, strict=True))


# Downloading


def archive(files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for name, text in files.items():
            packed.writestr(name, text)
    return content.getvalue()


@pytest.fixture
def publisher(monkeypatch):
    """A publisher on this machine: put bytes into ``files``; ``asked`` is what was fetched."""
    monkeypatch.setenv("no_proxy", "*")
    files, asked = {}, []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            content = files.get(self.path)
            self.send_response(404 if content is None else 200)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield SimpleNamespace(url=f"http://127.0.0.1:{server.server_address[1]}", files=files, asked=asked)
        server.shutdown()
        thread.join()


def publish(publisher, release, content, checksum=None):
    checksum = checksum or f"MD5 ({release}.zip) = {hashlib.md5(content).hexdigest()}\n"
    publisher.files[f"/{release}.zip"] = content
    publisher.files[f"/{release}.zip.md5"] = checksum.encode()


SMALL = {"ml-latest-small/ratings.csv": HEADER + "1,31,2.5,1260759144\n", "ml-latest-small/README.txt": "x"}


@pytest.mark.parametrize("form", ["MD5 (ml-latest-small.zip) = {}\n", "{}  ml-latest-small.zip\n", "{}"])
def test_a_good_download_is_unpacked_and_not_fetched_again(publisher, tmp_path, form):
    content = archive(SMALL)
    publish(publisher, "ml-latest-small", content, form.format(hashlib.md5(content).hexdigest().upper()))
    folder = movielens.download("ml-latest-small", tmp_path / "new", publisher.url)
    assert folder == tmp_path / "new" / "ml-latest-small"
    assert len(movielens.load(folder)) == 1
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["ml-latest-small"]

    before = list(publisher.asked)
    assert movielens.download("ml-latest-small", tmp_path / "new", publisher.url) == folder
    assert publisher.asked == before == ["/ml-latest-small.zip.md5", "/ml-latest-small.zip"]


def test_a_release_whose_archive_names_its_folder_otherwise_is_found(publisher, tmp_path):
    publish(publisher, "ml-10m", archive({"ml-10M100K/ratings.dat": "1::122::5::838985046\n"}))
    assert len(movielens.load(movielens.download("ml-10m", tmp_path, publisher.url))) == 1


def failed_download(publisher, tmp_path, release="ml-latest-small"):
    """The message of a download that fails; asserts that it leaves nothing behind."""
    with pytest.raises(DataError) as caught:
        movielens.download(release, tmp_path / "data", publisher.url)
    left = list((tmp_path / "data").iterdir()) if (tmp_path / "data").exists() else []
    assert left == []
    return str(caught.value)


@pytest.mark.shows("data_damaged")
def test_a_wrong_checksum_is_refused_with_both_sums(publisher, tmp_path):
    content, stated = archive(SMALL), "0123456789abcdef" * 2
    publish(publisher, "ml-latest-small", content, stated)
    message = failed_download(publisher, tmp_path)
    assert message.startswith("ml-latest-small.zip")
    assert hashlib.md5(content).hexdigest() in message
    assert stated in message


def test_a_download_that_was_cut_off_is_refused(publisher, tmp_path):
    publish(publisher, "ml-latest-small", archive(SMALL))
    publisher.files["/ml-latest-small.zip"] = publisher.files["/ml-latest-small.zip"][:-20]
    assert "MD5 sum" in failed_download(publisher, tmp_path)


def test_a_file_that_the_publisher_does_not_have_is_named(publisher, tmp_path):
    publish(publisher, "ml-latest-small", archive(SMALL))
    del publisher.files["/ml-latest-small.zip"]
    message = failed_download(publisher, tmp_path)
    assert "/ml-latest-small.zip could not be downloaded" in message
    assert "404" in message
    assert f"unpack it to {tmp_path / 'data' / 'ml-latest-small'}" in message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>not today</html>", "it is not a zip archive"),
        (archive({"ml-latest-small/movies.csv": "movieId\n"}), "is in it"),
        (archive({"../../ratings.txt": "x"}), "is in it"),
    ],
)
def test_an_archive_without_ratings_is_refused_although_its_checksum_is_right(
    publisher, tmp_path, content, reason
):
    publish(publisher, "ml-latest-small", content)
    assert reason in failed_download(publisher, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_a_checksum_file_without_a_checksum_is_refused(publisher, tmp_path):
    publish(publisher, "ml-latest-small", archive(SMALL), "moved to another place")
    assert "holds no MD5 sum" in failed_download(publisher, tmp_path)
    assert publisher.asked == ["/ml-latest-small.zip.md5"]


@pytest.mark.shows("data_not_downloaded")
def test_no_connection_is_one_clear_message(publisher, tmp_path):
    with socket.socket() as deaf:  # holds the port, but never listens
        deaf.bind(("127.0.0.1", 0))
        publisher.url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        assert "could not be downloaded" in failed_download(publisher, tmp_path)


def test_an_unknown_release_is_refused_and_nothing_is_asked(publisher, tmp_path):
    assert "'ml-3m' is no MovieLens release" in failed_download(publisher, tmp_path, "ml-3m")
    assert publisher.asked == []


@pytest.mark.shows("data_in_the_way")
def test_a_folder_in_the_way_is_left_alone(publisher, tmp_path):
    publish(publisher, "ml-latest-small", archive(SMALL))
    (tmp_path / "ml-latest-small").mkdir()
    (tmp_path / "ml-latest-small" / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="is there but holds no ratings"):
        movielens.download("ml-latest-small", tmp_path, publisher.url)
    assert (tmp_path / "ml-latest-small" / "notes.txt").read_text() == "mine"


# The programs and the cards


def test_prepare_movielens_checks_a_folder_and_prints_its_skew(tmp_path, capsys):
    put(tmp_path, {"ratings.csv": HEADER + "1,31,2.5,100\n1,32,3,100\n2,31,4,100\n"})
    assert program("movielens").main(["--folder", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "3 ratings, every row is good" in printed
    assert "| ratings owned by the top 1 % of items | 66.7% |" in printed
    assert f"sparklimits run lab2_skew --data {tmp_path}" in printed


def test_prepare_movielens_downloads_and_says_what_is_untested(publisher, tmp_path, capsys, monkeypatch):
    publish(publisher, "ml-1m", archive({"ml-1m/ratings.dat": "1::1193::5::978300760\n"}))
    module = program("movielens")
    download = movielens.download
    monkeypatch.setattr(module, "HERE", tmp_path)
    monkeypatch.setattr(module.movielens, "download", lambda *args: download(*args, publisher.url))
    assert module.main(["--release", "ml-1m"]) == 0
    printed = capsys.readouterr().out
    assert "ml-1m is read by this loader untested" in printed
    assert (tmp_path / "data" / "ml-1m" / "ratings.dat").is_file()


def test_prepare_movielens_refuses_a_bad_file_in_one_line(tmp_path, capsys):
    put(tmp_path, {"ratings.csv": HEADER + "1,31,2.5\n"})
    assert program("movielens").main(["--folder", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert "line 2: 4 fields are expected" in printed.err
    assert printed.out == ""


OWN = [
    "--ratings",
    "20000",
    "--users",
    "4000",
    "--items",
    "2000",
    "--top-users",
    "0.06",
    "--top-items",
    "0.08",
]


def test_prepare_ratings_writes_what_was_chosen_and_never_over_something(tmp_path, capsys):
    out = str(tmp_path / "mine")
    planted = ["--hot-user", "0.5", "--hot-item", "0.6"]
    shares = ["--top-users", "0.1", "--top-items", "0.2"]
    assert program("ratings").main([*OWN, *shares, *planted, "--seed", "5", "--out", out]) == 0
    assert "item pairs owned by the top 1 % of users" in capsys.readouterr().out
    skew = measured_skew(pd.read_parquet(out))
    assert skew["ratings"] == pytest.approx(20_000, rel=0.04)
    assert skew["top_users"] == pytest.approx(0.1, rel=0.04)
    assert skew["top_items"] == pytest.approx(0.2, rel=0.04)
    assert skew["heaviest_user"] == pytest.approx(1_000, rel=0.02)
    assert skew["hottest_item"] == pytest.approx(0.6, rel=0.02)

    assert program("ratings").main([*OWN, "--out", out]) == 1
    assert f"{out} is there already" in capsys.readouterr().err
    assert len(pd.read_parquet(out)) == skew["ratings"]


@pytest.mark.parametrize(("preset", "scale"), [("movielens", 1.0), ("lab2_skew", 0.2)])
def test_prepare_ratings_writes_a_preset(tmp_path, preset, scale):
    module, out = program("ratings"), tmp_path / "out"
    assert module.main(["--like", preset, "--scale", str(scale), "--seed", "3", "--out", str(out)]) == 0
    expected = generate(module.PRESETS[preset].scaled(scale), 3)
    pd.testing.assert_frame_equal(pd.read_parquet(out), expected)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (OWN, "--out FOLDER is missing"),
        (OWN[2:], "--ratings missing: give all five"),
        (["--like", "movielens", "--users", "5"], "leave --users out"),
        ([*OWN, "--top-items", "0.001"], "must own between 0.010 and 1, not 0.001"),
        ([*OWN, "--top-users", "0.9"], "this skew cannot be reached"),
        ([*OWN, "--hot-user", "7"], "hot_users: 7.0 is no share"),
        ([*OWN, "--users", "-4"], "users must be more than 0, not -4"),
        (["--like", "movielens", "--scale", "0"], "ratings must be more than 0"),
    ],
)
def test_prepare_ratings_refuses_bad_parameters_in_one_line(tmp_path, capsys, arguments, reason):
    place = [] if "--out" in reason else ["--out", str(tmp_path / "out")]
    assert program("ratings").main([*arguments, *place]) == 1
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert reason in printed
    assert not (tmp_path / "out").exists()


def test_the_ratings_card_states_what_is_measured():
    assert card.read(ROOT / "datasets" / "ratings" / "README.md") == program("ratings").card_table()


def test_the_movielens_card_states_what_is_measured():
    measured = card.table({"MovieLens ml-latest-small": measured_skew(real_ratings())})
    assert card.read(ROOT / "datasets" / "movielens" / "README.md") == measured


def test_write_card_replaces_the_table_and_nothing_else(tmp_path, monkeypatch):
    module = program("movielens")
    data = tmp_path / "ml-tiny"
    data.mkdir()
    put(data, {"ratings.csv": HEADER + "1,31,2.5,100\n1,32,3,100\n"})
    readme = tmp_path / "README.md"
    readme.write_text(f"# Card\n\n{card.BEGIN}\nold\n{card.END}\n\nLast words.\n")
    monkeypatch.setattr(module, "HERE", tmp_path)
    for _ in range(2):
        assert module.main(["--folder", str(data), "--write-card"]) == 0
    text = readme.read_text()
    assert text.startswith(f"# Card\n\n{card.BEGIN}\n| measured | MovieLens ml-tiny |\n")
    assert text.endswith(f"|\n{card.END}\n\nLast words.\n")
    assert "old" not in text

    readme.write_text("# Card without marks\n")
    assert module.main(["--folder", str(data), "--write-card"]) == 1
    assert readme.read_text() == "# Card without marks\n"
