"""One course and one cluster for all tests of this folder, which skip where there is no engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers import helpers


@pytest.fixture(scope="package", autouse=True)
def _engine() -> None:
    if not helpers.engine_answers():
        pytest.skip("no Docker engine")


@pytest.fixture(scope="package")
def course(_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the course whose cluster this is."""
    with helpers.course_of_its_own(tmp_path_factory.mktemp("course"), short_lived=True) as folder:
        yield folder


@pytest.fixture(scope="package")
def addresses(course: Path) -> Iterator[list[str]]:
    """The cluster, which runs; the words that `cluster up` printed."""
    with helpers.running_cluster() as words:
        yield words
