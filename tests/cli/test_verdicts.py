"""The table of verdicts: it fits a terminal, says each finding with its way out, and is JSON for programs."""

import json

import pytest

from addon.cli import verdicts
from addon.cli.finding import broken, doubtful
from addon.cli.verdict import Verdict

GOOD = Verdict("xai/grok", "yes", "yes", "yes", "yes", "yes", "no", 1_240, 2_000)
BAD = Verdict("a" * 90 + "/b", "no", findings=(broken("it is\x1b[31m away", "start it"), doubtful("it is slow", "")))


@pytest.mark.parametrize("columns", [80, 120])
def test_it_fits_its_terminal(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    verdicts.show([GOOD, BAD], 3.21)
    table, _, rest = capsys.readouterr().out.partition("\n\n")
    assert all(len(line) <= columns for line in table.splitlines())
    assert table.splitlines()[1].split() == ["xai/grok", *["yes"] * 5, "no", "1.2", "s", "2.0", "s"]
    assert "\x1b" not in rest
    assert "/b: it is" in rest
    assert rest.count("→ ") == 1
    assert rest.endswith("1 of 2 work, found out in 3.2 s\n")


@pytest.mark.parametrize(("verdict", "words"), [(GOOD, "it works"), (BAD, "it does not work")])
def test_one_is_told_in_words(verdict: Verdict, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    verdicts.show([verdict], 1)
    assert f"\n{words}, found out" in capsys.readouterr().out


def test_programs_get_null_where_nothing_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    verdicts.put_json([BAD])
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["works"], found["reached"], found["key"], found["first_ms"]) == (False, "no", None, None)
    assert found["findings"][0] == {"level": "fail", "what": "it is\x1b[31m away", "remedy": "start it"}
