"""What goes over the pipe of an arm is bounded, plain, and refused otherwise."""

from __future__ import annotations

import os
import struct
import threading

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sparklimits.grading.referee import tables, wire


class Yes(str):
    """Says yes to every comparison."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


def received(content: bytes, seconds: float | None = 5.0) -> tuple[dict, bytes]:  # type: ignore[type-arg]
    """What a frame of these bytes is read as, when nothing follows."""
    source, out = os.pipe()

    def write() -> None:
        os.write(out, content)
        os.close(out)

    threading.Thread(target=write).start()
    try:
        return wire.receive(source, seconds)
    finally:
        os.close(source)


def test_a_frame_arrives_as_it_was_sent() -> None:
    source, out = os.pipe()
    wire.send(out, {"result": "odd"}, b"\x00\x01")
    assert wire.receive(source, 5) == ({"result": "odd", "bytes": 2}, b"\x00\x01")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (struct.pack(">I", wire.MOST_JSON + 1), "bytes; .* are allowed"),
        (struct.pack(">I", 4) + b"\x80abc", "no JSON"),
        (struct.pack(">I", 2) + b"[]", "how many bytes"),
        (struct.pack(">I", 12) + b'{"bytes": 1}', "closed"),
        (struct.pack(">I", 13) + b'{"bytes": -1}', "how many bytes"),
        (struct.pack(">I", 15) + b'{"bytes": true}', "how many bytes"),
        (struct.pack(">I", 23) + b'{"bytes": 999999999999}', "a result of 999,999,999,999 bytes"),
        (struct.pack(">I", 100_000) + b"[" * 50_000 + b"]" * 50_000, "no JSON|how many"),
        (b"\x00\x00", "closed"),
    ],
)
def test_what_is_no_frame_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(wire.WireError, match=why):
        received(content)


def test_silence_ends_at_the_deadline() -> None:
    source, out = os.pipe()
    os.write(out, b"\x00")
    with pytest.raises(wire.Late):
        wire.receive(source, 0.05)


def test_plain_values_stay_and_those_of_numpy_become_plain() -> None:
    value = {"a": [1, 2.5, "x", None, True], "b": (np.float64(2.0), np.arange(2))}
    assert wire.plain(value) == {"a": [1, 2.5, "x", None, True], "b": [2.0, [0, 1]]}
    assert wire.plain(float("nan")) is None


@pytest.mark.parametrize(
    "value", [Yes("skew"), object(), {1: 2}, [[[[[[[[1]]]]]]]], [0] * 300_000, {"a": {1}}]
)
def test_what_is_no_plain_value_is_refused(value: object) -> None:
    with pytest.raises(wire.WireError):
        wire.plain(value)


def test_a_table_arrives_as_it_was() -> None:
    table = pd.DataFrame({"n": [1, 2], "x": [0.5, np.nan], "t": ["a", None], "v": [[1.0], [2.0, 3.0]]})
    found = tables.unpacked(tables.packed(table.set_index("n", drop=False)))
    assert found["n"].tolist() == [1, 2]
    assert found["t"].tolist() == ["a", None]
    assert [list(one) for one in found["v"]] == [[1.0], [2.0, 3.0]]
    assert found.attrs == {}


def stream(table: pa.Table, **options: object) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as out:
        out.write_table(table)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_a_table_that_would_grow_is_refused(codec: str) -> None:
    bomb = stream(pa.table({"x": np.zeros(1_000_000)}), compression=codec)
    assert len(bomb) < 100_000
    with pytest.raises(wire.WireError, match="compressed"):
        tables.unpacked(bomb)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([b"raw"]),
        pa.array([{"a": 1}]),
        pa.array(["x"]).dictionary_encode(),
        pa.array([[["deep"]]]),
    ],
)
def test_columns_of_other_types_are_refused(column: pa.Array) -> None:
    with pytest.raises(wire.WireError, match="no plain one"):
        tables.unpacked(stream(pa.table({"x": column})))


def test_damaged_tables_are_refused() -> None:
    whole = tables.packed(pd.DataFrame({"x": range(1000), "t": ["a"] * 1000}))
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole[: int(rng.integers(1, len(whole)))])
        for place in rng.integers(0, len(damaged), 8):
            damaged[place] ^= int(rng.integers(1, 256))
        try:
            tables.unpacked(bytes(damaged))
        except wire.WireError:
            refused += 1
    assert refused > 250


def test_a_process_that_takes_nothing_does_not_hold_the_referee() -> None:
    source, out = os.pipe()
    with pytest.raises(wire.Late):
        wire.send(out, {"text": "x" * 1_000_000}, seconds=0.2)
    os.close(source)
    os.close(out)


def test_a_few_bytes_do_not_become_a_large_table() -> None:
    nothing = pa.table({"a": pa.array([None], pa.null())})
    million = pa.table({"a": pa.nulls(1_000_000_000)})
    assert len(stream(million)) < 1_000
    with pytest.raises(wire.WireError, match="1,000,000,000 cells; 100,000,000 are allowed"):
        tables.unpacked(stream(million))
    assert tables.unpacked(stream(nothing))["a"].tolist() == [None]
