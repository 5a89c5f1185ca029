"""Colours on a terminal only; nothing of others' acts."""

import io
import sys
from typing import override

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from addon.cli import printing
from addon.cli.printing import Column

HOSTILE = "\x1b[31m[bold]red[/bold]\r\n:smile: \x9b2J"


def rendered(made: Table, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    console.print(made)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("variables", "is_coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_colours_are_for_terminals(
    variables: dict[str, str], is_coloured: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    printing.put(printing.console(), ("told", "red"), " ", printing.cell(HOSTILE))
    out = capsys.readouterr().out
    assert ("\x1b[31mtold" in out) is is_coloured
    assert "␛[31m[bold]red[/bold] :smile: �2J" in out


def test_a_pipe_is_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert printing.console().width == printing.PIPED_WIDTH
    monkeypatch.setenv("COLUMNS", "50")
    assert printing.console().width == 50


COLUMNS = (
    Column("n", "right"),
    Column("title", is_text=True),
    Column("more", is_text=True),
    Column("x", is_extra=True),
)
ROWS: list[list[Text | str]] = [
    ["1", "a long title of many words", "short", "y"],
    ["1,000", "b", printing.cell("some\x1b more words than fit"), "y"],
]


def test_a_table_gives_way_where_texts_are() -> None:
    assert rendered(printing.table(COLUMNS, ROWS, 120), 120) == [
        "    n  title                       more                       x",
        "    1  a long title of many words  short                      y",
        "1,000  b                           some␛ more words than fit  y",
    ]
    assert rendered(printing.table(COLUMNS, ROWS, 40), 40) == [
        "    n  title             more",
        "    1  a long title of…  short",
        "1,000  b                 some␛ more wor…",
    ]


def test_a_table_of_no_room_keeps_its_numbers() -> None:
    assert rendered(printing.table(COLUMNS, ROWS, 10), 40)[2].startswith("1,000  b")
    assert rendered(printing.table(COLUMNS, [], 40), 40) == ["n  title  more"]


def test_lines_of_others_are_indented() -> None:
    assert printing.lines("a\r\nb", indent="  ").plain == "  a\n  b"
    assert printing.lines("a\x07").plain == "a␇"


def test_json_acts_on_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    printing.put_json({"a": "\x9b\x1b é"})
    assert capsys.readouterr().out == '{\n "a": "\\u009b\\u001b \\u00e9"\n}\n'


class Terminal(io.TextIOWrapper):
    """Says that it is one."""

    @override
    def isatty(self) -> bool:
        return True


def test_bytes_are_as_they_are_but_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, wanted in ((io.TextIOWrapper, b"\x1b[2J\xff"), (Terminal, "␛[2J�".encode())):
        written = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", kind(written, encoding="utf-8"))
        printing.put_bytes(b"\x1b[2J\xff")
        assert written.getvalue() == wanted


def test_long_texts_and_notes(capsys: pytest.CaptureFixture[str]) -> None:
    printing.put_text("a\x1b\n\n")
    printing.put_notes(["b\x1b\nc"])
    assert capsys.readouterr() == ("a␛\n", "detour: b␛ c\n")


def test_short_names_and_the_zone_of_the_machine() -> None:
    assert [printing.short(name) for name in ("0123456789", "", None)] == ["01234567", "none", "none"]
    assert printing.here() is not None
