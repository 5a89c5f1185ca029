"""A reader of a log with a session that the real client had."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from addon.prompts.log.statements import FILE
from tests.prompts import entries
from tests.prompts.reader import library
from tests.prompts.reader.library import Reader


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / FILE


@pytest.fixture
def empty(file: Path) -> Iterator[Reader]:
    """Of no log."""
    reader = Reader(file)
    yield reader
    reader.shelf.close()


@pytest.fixture
def reader(file: Path, empty: Reader) -> Reader:
    library.write(file, entries.recorded_session())
    return empty
