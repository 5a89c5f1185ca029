from pathlib import Path

import pytest

from addon.prompts.log.reading import NoLog
from addon.prompts.reader.shelf import Shelf
from tests.prompts import entries
from tests.prompts.reader import library


def test_the_log_is_opened_once_it_is_there(file: Path) -> None:
    shelf = Shelf(file)
    with pytest.raises(NoLog):
        shelf.open()
    library.write(file, entries.recorded_session()[:1])
    log = shelf.open()
    assert log.newest() == 1
    assert shelf.open() is log
    shelf.close()
    shelf.close()


def test_another_file_in_its_place_is_read(file: Path, tmp_path: Path) -> None:
    library.write(file, entries.recorded_session()[:1])
    shelf = Shelf(file)
    assert shelf.open().newest() == 1
    library.write(tmp_path / "other", entries.recorded_session()[:3])
    for end in ("", "-wal", "-shm"):
        Path(f"{file}{end}").unlink(missing_ok=True)
        if (other := tmp_path / f"other{end}").exists():
            other.rename(f"{file}{end}")
    assert shelf.open().newest() == 3
    shelf.close()
