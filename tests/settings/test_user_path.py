"""A path as users write one."""

from pathlib import Path

import pytest

from addon.protocol.errors import ConfigError
from addon.settings import user_path

PATHS = [
    ("a/b", "/folder/a/b"),
    ("/a/b", "/a/b"),
    ("~/a", "/home/me/a"),
    ("~", "/home/me"),
    ("a/~", "/folder/a/~"),
]


@pytest.mark.parametrize(("text", "path"), PATHS)
def test_a_path_begins_where_it_is_written_or_at_home(text: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert user_path.at(text, Path("/folder")) == Path(path)


def test_a_home_that_is_nobodys_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="'~nobody-of-that-name/x' begins with ~, and there is no such home"):
        user_path.at("~nobody-of-that-name/x", Path("/folder"))
