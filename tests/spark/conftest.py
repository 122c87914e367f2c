"""Spark at test scale: on little data, where a session is ready sooner."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package", autouse=True)
def _little_data() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SPARKLIMITS_SCALE", "0.1")
        yield
