"""litellm's data file: which rows it has, one parsed where it stands, and what is kept of it: hardly anything."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from addon.routing import catalog_file

WRITTEN = {
    "sample_spec": {"mode": "chat"},
    "gpt-x": {"max_input_tokens": 400, "metadata": {"inner": {"max_input_tokens": 1}}},
    'quoted "name"': {"mode": "chat"},
    "ünï": {"mode": "chat"},
    "no object": 7,
    "long": {"text": "x" * 20_000},
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package called litellm, whose code would fail the test if it ran."""
    package = tmp_path / "litellm"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('imported')", "utf-8")
    path = package / catalog_file.FILE
    path.write_text(json.dumps(WRITTEN, indent=4), "utf-8")
    monkeypatch.delitem(sys.modules, "litellm", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    return path


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("name", ["gpt-x", 'quoted "name"', "ünï"])
def test_a_row_is_found_by_its_key(name: str) -> None:
    with catalog_file.opened() as rows:
        assert rows.find(name) == WRITTEN[name]


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("name", ["", "gpt", "gpt-x ", "inner", "metadata", "no object", "long"])
def test_what_is_no_row_or_is_too_long_is_not_found(name: str) -> None:
    with catalog_file.opened() as rows:
        assert rows.find(name) is None


@pytest.mark.usefixtures("file")
def test_names_and_rows_are_those_of_models() -> None:
    with catalog_file.opened() as rows:
        assert list(rows.names()) == ["gpt-x", 'quoted "name"', "ünï", "long"]
        assert [key for key, _ in rows.every()] == ["gpt-x", 'quoted "name"', "ünï", "long"]


def test_a_file_that_was_written_anew_is_read_anew(file: Path) -> None:
    with catalog_file.opened() as rows:
        assert rows.find("new") is None
    file.write_text(json.dumps({"new": {"mode": "chat"}}, indent=4), "utf-8")
    os.utime(file, ns=(1, 1))
    with catalog_file.opened() as rows:
        assert rows.find("new") == {"mode": "chat"}
        assert rows.find("gpt-x") is None


def test_without_the_file_there_are_no_rows_and_that_is_said(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.unlink()
    with catalog_file.opened() as rows:
        assert (rows.find("gpt-x"), list(rows.names()), list(rows.every())) == (None, [], [])
    assert "no facts of models" in caplog.text


def test_every_row_of_litellms_own_file_is_found_where_it_stands() -> None:
    with catalog_file.opened() as rows:
        known = dict(rows.every())
        assert len(known) > 3_000
        assert list(rows.names()) == list(known)
        assert [name for name in list(known)[::10] if rows.find(name) != known[name]] == []


MEASURED = """
import sys
from addon.routing import catalog, catalog_file
now = lambda: int(open('/proc/self/statm').read().split()[1]) * 4
catalog_file.FILE, kept = 'absent', catalog_file.FILE
catalog.lookup('a', 'b')
catalog_file.FILE = kept
before = now()
assert catalog.lookup('openai', 'gpt-4.1').max_input_tokens
assert catalog.named('gpt-4.1')
print(now() - before, 'litellm' in sys.modules)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc what it takes")
def test_what_is_asked_of_it_gives_its_memory_back() -> None:
    root = Path(__file__).parent.parent.parent
    told = subprocess.run([sys.executable, "-c", MEASURED], check=True, cwd=root, capture_output=True, text=True)
    kilobytes, imported = told.stdout.split()
    assert int(kilobytes) < 2_500  # all of it parsed would be 20,000
    assert imported == "False"
