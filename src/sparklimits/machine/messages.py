"""The one table of what a reader is told when something goes wrong: ``resources/messages.toml``.

Each message has a name, what the reader sees (``see``), why it came to that (``why``, for the page alone), and what to
do (``do``). ``course/troubleshooting.md`` is written from it. To add a message: a section in the table, a call of
:func:`tell` by its name, and a test marked ``@pytest.mark.shows("its_name")``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

# Found beside this file, not as a resource of the package: set-up asks for Java before anything is installed.
_TABLE = Path(__file__).resolve().parents[1] / "resources" / "messages.toml"


@dataclass(frozen=True)
class Message:
    """One line of the table.

    ``see`` and ``do`` have places such as ``{path}``, which are filled in when the message is told. ``signs`` are words
    of a raw error by which its cause is recognised: all words of one entry must stand in it. ``errors`` are the
    operating system's names of such an error, ``conditions`` those of Spark, or their
    beginnings; ``sources`` are the parameters of Spark's error that can fill a place.
    """

    name: str
    group: str
    see: str
    why: str
    do: str
    signs: tuple[tuple[str, ...], ...] = ()
    errors: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def places(self) -> set[str]:
        """The names of the places in what is told."""
        return set(re.findall(r"{(\w+)", f"{self.see} {self.do}"))

    def told(self, **values: object) -> str:
        """What the reader sees, and what to do, as one paragraph."""
        return f"{self.see} {self.do}".strip().format(**values)

    def fits(self, text: str) -> bool:
        """Whether a raw error has the signs of this one."""
        return any(all(sign in text for sign in signs) for signs in self.signs)


@cache
def groups() -> Mapping[str, str]:
    """The groups of messages, in the order of the page, each with its heading."""
    return {name: str(section["heading"]) for name, section in _table().items()}


@cache
def every() -> Mapping[str, Message]:
    """All messages by name, in the order of the page."""
    return {one.name: one for one in _messages()}


def tell(name: str, /, **values: object) -> str:
    """The paragraph that a message gives with these values in its places.

    Raises:
        KeyError: there is no such message, or a place of it has no value.
    """
    return every()[name].told(**values)


def _messages() -> Iterator[Message]:
    for group, section in _table().items():
        for name, line in section.items():
            if isinstance(line, Mapping):
                signs = tuple((one,) if isinstance(one, str) else tuple(one) for one in line.get("signs", ()))
                yield Message(
                    name, group, line["see"], line["why"], line["do"], signs, tuple(line.get("errors", ())),
                    tuple(line.get("conditions", ())),
                    {place: tuple(names) for place, names in line.get("places", {}).items()},
                )  # fmt: skip


@cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads(_TABLE.read_text("utf-8"))
