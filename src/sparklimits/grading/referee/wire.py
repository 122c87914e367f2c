"""What goes over the pipes between the referee and the process of an arm: bounded frames, of JSON and of raw bytes.

A frame is the length of its JSON (four bytes, the highest first), the JSON, and as many bytes as the JSON's ``bytes``
says. Nothing is ever unpickled. What comes from an arm is believed by nobody: each length is checked before it is read.
"""

from __future__ import annotations

import json
import math
import os
import select
import struct
import time
from collections.abc import Mapping
from typing import Any

#: Bytes of a frame's JSON, and of what comes after it.
MOST_JSON, MOST_BYTES = 32_000_000, 256_000_000
#: How deep a plain value may be nested, and how many values it may hold.
_DEPTH, _VALUES = 6, 200_000
_LENGTH = struct.Struct(">I")


class WireError(Exception):
    """What came is no frame of ours; the message says why."""


class Ended(WireError):  # noqa: N818 - it is the plain end of a stream
    """The other side has closed its end."""


class Late(WireError):  # noqa: N818 - a point in time
    """Nothing more came until the deadline."""


def send(out: int, message: Mapping[str, Any], content: bytes = b"", seconds: float | None = None) -> None:
    """Writes one frame to a descriptor, within so many seconds.

    Raises:
        OSError: the other side has gone.
        Late: it takes nothing.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    text = json.dumps({**message, "bytes": len(content)}).encode()
    for part in (_LENGTH.pack(len(text)) + text, content):
        view = memoryview(part)
        while view:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([], [out], [], left)[1]:
                raise Late("nothing was taken in time")
            # So much always fits into a pipe that can be written to: this never waits.
            view = view[os.write(out, view[: select.PIPE_BUF]) :]


def receive(source: int, seconds: float | None = None) -> tuple[dict[str, Any], bytes]:
    """Reads one frame from a descriptor, within so many seconds.

    Raises:
        Ended: the other side has closed its end before the frame's end.
        Late: the seconds are over.
        WireError: it is no frame, or too large a one.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    (length,) = _LENGTH.unpack(_exactly(source, _LENGTH.size, deadline))
    if length > MOST_JSON:
        raise WireError(f"a message of {length:,} bytes; {MOST_JSON:,} are allowed")
    try:
        message = json.loads(_exactly(source, length, deadline))
    except (ValueError, RecursionError) as error:
        raise WireError(f"a message that is no JSON ({type(error).__name__})") from error
    size = message.get("bytes") if isinstance(message, dict) else None
    if type(size) is not int or size < 0:
        raise WireError("a message that does not say how many bytes follow")
    if size > MOST_BYTES:
        raise WireError(f"a result of {size:,} bytes; {MOST_BYTES:,} are allowed")
    return message, _exactly(source, size, deadline)


def _exactly(source: int, count: int, deadline: float | None) -> bytes:
    found = bytearray()
    while len(found) < count:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([source], [], [], left)[0]:
            raise Late("nothing came in time")
        part = os.read(source, min(1 << 20, count - len(found)))
        if not part:
            raise Ended("the process closed its end")
        found += part
    return bytes(found)


def plain(value: Any) -> Any:
    """The value as numbers, text, lists and dictionaries, of exactly these types; numbers of NumPy become Python's.

    Raises:
        WireError: it holds something else, or too much.
    """
    left = [_VALUES]

    def copied(one: Any, depth: int) -> Any:
        left[0] -= 1
        if depth > _DEPTH or left[0] < 0:
            raise WireError("an answer that is nested too deeply, or too long")
        if type(one).__module__ == "numpy":
            one = one.tolist()
        if one is None or type(one) in (bool, int, str):
            return one
        if type(one) is float:
            return one if math.isfinite(one) else None
        if type(one) in (list, tuple):
            return [copied(inner, depth + 1) for inner in one]
        if type(one) is dict:
            if not all(type(key) is str for key in one):
                raise WireError("an answer with a key that is no text")
            return {key: copied(inner, depth + 1) for key, inner in one.items()}
        raise WireError(f"an answer of the type {type(one).__name__}, which is no plain value")

    return copied(value, 0)
