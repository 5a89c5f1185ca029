"""What shadows have spent outlives a restart, and a file that is none of ours is no money spent."""

import stat
from datetime import date
from pathlib import Path

import pytest

from addon.routing.shadow import Spent
from addon.settings import shadow_file

TODAY, TOMORROW = date(2026, 11, 26), date(2026, 11, 27)


def test_it_adds_up_and_begins_anew_each_day(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert shadow_file.read(home, TODAY) == Spent(TODAY)
    shadow_file.add(home, TODAY, requests=1)
    assert shadow_file.add(home, TODAY, dollars=0.25, unpriced=1) == Spent(TODAY, 1, 0.25, 1)
    assert shadow_file.read(home, TODAY) == Spent(TODAY, 1, 0.25, 1)
    assert shadow_file.read(home, TOMORROW) == Spent(TOMORROW)
    assert shadow_file.add(home, TOMORROW, requests=1) == Spent(TOMORROW, 1)
    assert stat.S_IMODE((home / shadow_file.FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "{" * 2_000, '{"day": "x"}', '{"day": "2026-11-26", "requests": null}', "x" * 5_000]
)
def test_a_file_that_is_none_of_ours_is_begun_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / shadow_file.FILE).write_text(text)
    assert shadow_file.read(tmp_path, TODAY) == Spent(TODAY)
    assert shadow_file.add(tmp_path, TODAY, requests=1) == Spent(TODAY, 1)


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        shadow_file.add(tmp_path / "file", TODAY, requests=1)
